package stack

import (
	"fmt"
	"regexp"
)

// Names are what the parts of a deployment are called. All follow from one name, so a command finds them when the stack
// is gone, half made, or half taken away.
type Names struct {
	Name         string // as given: photos
	Stack        string // imgmill-photos; also the name of the function and the prefix of the queues
	InputBucket  string // photos-input
	OutputBucket string // photos-output
	CodeBucket   string // photos-code: the zips of the function, made by deploy before the stack
}

// TagName is the tag that everything made by a deployment carries, with the deployment's name as its value. What does
// not carry it was not made by us and is never deleted.
const TagName = "imgmill:name"

// S3's rules for bucket names, less dots, and short enough for every suffix.
var validName = regexp.MustCompile(`^[a-z][a-z0-9-]{1,38}[a-z0-9]$`)

// NamesFor gives the names of a deployment, or says what a name must look like.
func NamesFor(name string) (Names, error) {
	if !validName.MatchString(name) {
		return Names{}, fmt.Errorf("%q cannot name a deployment: 3 to 40 characters, of a-z, 0-9 and -, a letter first, no - at the end", name)
	}
	return Names{
		Name:         name,
		Stack:        "imgmill-" + name,
		InputBucket:  name + "-input",
		OutputBucket: name + "-output",
		CodeBucket:   name + "-code",
	}, nil
}
