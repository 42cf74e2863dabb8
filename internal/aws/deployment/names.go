package deployment

import (
	"fmt"
	"regexp"
)

// Names holds the names of a deployment's parts. All of them follow from one name, so a command
// finds the parts even if the stack is gone, incomplete or half deleted.
type Names struct {
	// Name is the deployment's name, such as photos.
	Name string
	// Stack is imgmill-photos, also the name of the function and the prefix of the queues.
	Stack string
	// InputBucket and OutputBucket are photos-input and photos-output, unless existing buckets are
	// used.
	InputBucket, OutputBucket string
	// CodeBucket is photos-code. It holds the function's zips, and deploy creates it before the
	// stack.
	CodeBucket string
}

// TagName is the tag that everything created for a deployment carries; its value is the
// deployment's name. What does not carry the tag was not created by imgmill and is never deleted.
const TagName = "imgmill:name"

// validName follows S3's rules for bucket names, without dots, and leaves room for every suffix.
var validName = regexp.MustCompile(`^[a-z][a-z0-9-]{1,38}[a-z0-9]$`)

// NamesFor returns the names of a deployment. The error explains which names are valid.
func NamesFor(name string) (Names, error) {
	if !validName.MatchString(name) {
		return Names{},
			fmt.Errorf("invalid deployment name %q: use 3 to 40 of the characters a-z, 0-9 and -, start with a letter, and do not end with -", name)
	}
	return Names{
		Name:         name,
		Stack:        "imgmill-" + name,
		InputBucket:  name + "-input",
		OutputBucket: name + "-output",
		CodeBucket:   name + "-code",
	}, nil
}

// WorkQueue is the name of the queue between bucket and function, which exists if the trigger is a
// queue.
func (n Names) WorkQueue() string { return n.Stack + "-work" }

// FailureQueue is the name of the queue that keeps the events that the function failed to process.
func (n Names) FailureQueue() string { return n.Stack + "-failures" }

// LogGroup is the name of the function's log group.
func (n Names) LogGroup() string { return "/aws/lambda/" + n.Stack }
