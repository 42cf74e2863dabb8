package recipe

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
)

// Attributes are those that all variants and manifests are stored with. Empty ones are left to the
// store.
type Attributes struct {
	CacheControl string // instead of that of the source
	Tags         map[string]string
	StorageClass string // of storageClasses
	ACL          string // of acls
}

// ObjectMetadata selects what variants have of the user metadata of their source, and of its
// Content-Disposition: both are texts that an uploader or a tool chose, and may be private. Whatever
// the selection, nothing is copied that describes the bytes of the source or the file that they were
// on somebody's disk.
type ObjectMetadata struct {
	All   bool
	Names []string // in lower case; ContentDisposition is one of them
}

// ContentDisposition is the name of the header among the names of user metadata.
const ContentDisposition = "content-disposition"

// Has reports whether variants get the metadata of a name in lower case.
func (m ObjectMetadata) Has(name string) bool {
	return !DescribesSource(name) && (m.All || slices.Contains(m.Names, name))
}

// sourceMetadata are the names of user metadata that tools store about the bytes or the file that they
// upload. On a variant they would be wrong: rclone, for one, refuses to fetch an object that does not
// match its md5chksum. Others leak names of users and of folders.
//
//	rclone         md5chksum, mtime, btime (rclone.org/s3)
//	s3cmd          s3cmd-attrs (S3/S3.py)
//	MinIO's mc     mc-attrs
//	s3fs           mode, uid, gid, atime, mtime, ctime, xattr (doc/man/s3fs.1)
//	AWS DataSync   file-owner, file-group, file-permissions, file-acl, file-atime, file-mtime, user-agent
//	gsutil         goog-reserved-...
//	S3 encryption  x-amz-iv, x-amz-key, x-amz-unencrypted-content-length and others of the clients that
//	               encrypt before they upload
var sourceMetadata = []string{
	"md5chksum", "btime", "s3cmd-attrs", "mc-attrs", "mode", "uid", "gid", "atime", "mtime", "ctime", "xattr",
	"file-owner", "file-group", "file-permissions", "file-acl", "file-atime", "file-mtime",
	"user-agent", "user-agent-id", "md5", "md5sum", "sha1", "sha256", "content-md5", "content-length", "content-encoding",
}

// DescribesSource reports whether user metadata of a name in lower case describes the bytes of an
// object, or the file that they come from.
func DescribesSource(name string) bool {
	return slices.Contains(sourceMetadata, name) || strings.HasPrefix(name, "x-amz-") ||
		strings.HasPrefix(name, "goog-reserved-")
}

// Canned ACLs and storage classes of S3 (Amazon S3 API Reference, PutObject) that make sense for
// variants: others would let everybody write, or have to be restored before a variant can be fetched.
var (
	acls           = []string{"private", "public-read", "authenticated-read", "bucket-owner-read", "bucket-owner-full-control"}
	storageClasses = []string{"STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR",
		"REDUCED_REDUNDANCY", "EXPRESS_ONEZONE"}
)

// objectMetadata is none, copy or a list of names.
func (rd *reader) objectMetadata(into *ObjectMetadata) value {
	names := rd.texts(&into.Names)
	word := rd.parsed(single{func(s string) error {
		switch s {
		case "none":
		case "copy":
			into.All = true
		default:
			return fmt.Errorf("%q is not valid; use none, copy or a list of names, like [author]", s)
		}
		return nil
	}, jsonSchema{"enum": []string{"none", "copy"}}})
	return value{func(name string, n ast.Node) {
		if _, list := n.(*ast.SequenceNode); list {
			names.read(name, n)
			for i, s := range into.Names {
				into.Names[i] = strings.ToLower(s)
			}
			return
		}
		word.read(name, n)
	}, anyOf(word.schema, names.schema)}
}

// tags is a mapping from texts to texts.
func (rd *reader) tags(into *map[string]string) value {
	return value{func(name string, n ast.Node) {
		*into = map[string]string{}
		for key, node := range rd.entries(name, n, map[string]int{}) {
			if s, ok := rd.scalar(join(name, key), node); ok {
				(*into)[key] = s
			}
		}
	}, jsonSchema{"type": "object", "additionalProperties": jsonSchema{"type": []string{"string", "number", "boolean"}}}}
}

// mostTags is how many tags an object has at most (Amazon S3 User Guide, "Categorizing your objects using
// tags", as are the lengths of their names and values).
const mostTags = 10

// checkAttributes looks at what outputs are stored with.
func (r *Recipe) checkAttributes(rep *report) {
	a := r.Target.Attributes
	if !bucket.Printable(a.CacheControl) {
		rep.add("target.cache_control", "%q is not printable ASCII; write a header like public, max-age=86400", a.CacheControl)
	}
	if a.StorageClass != "" && !slices.Contains(storageClasses, a.StorageClass) {
		rep.add("target.storage_class", "%s", notOneOf(a.StorageClass, storageClasses))
	}
	if a.ACL != "" && !slices.Contains(acls, a.ACL) {
		rep.add("target.acl", "%s", notOneOf(a.ACL, acls))
	}
	if n := len(a.Tags); n > mostTags {
		rep.add("target.tags", "has %d tags; an object has at most %d", n, mostTags)
	}
	for _, key := range slices.Sorted(maps.Keys(a.Tags)) {
		name, value := "target.tags."+key, a.Tags[key]
		switch {
		case rep.bad(name):
		case key == "" || utf8.RuneCountInString(key) > 128 || utf8.RuneCountInString(value) > 256:
			rep.add(name, "is too long or empty; a tag has a name of 1 to 128 letters and a value of at most 256")
		case strings.ContainsFunc(key+value, notInTags):
			rep.add(name, "has a character that tags cannot hold; use letters, digits, spaces and + - = . _ : / @")
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			rep.add(name, "begins with aws:, which is reserved; choose another name")
		}
	}
	for i, key := range r.ObjectMetadata.Names {
		name := fmt.Sprintf("object_metadata[%d]", i)
		switch _, err := bucket.LowerMetadata(map[string]string{key: ""}); {
		case rep.bad(name):
		case err != nil:
			rep.add(name, "%q is not a name of metadata; write it without x-amz-meta-", key)
		case DescribesSource(key):
			rep.add(name, "%q describes the file that was uploaded, and would be wrong for a variant; leave it out", key)
		case slices.Contains(r.ObjectMetadata.Names[:i], key):
			rep.add(name, "%q is listed twice; remove one", key)
		}
	}
}

func notInTags(c rune) bool {
	return !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune(" +-=._:/@", c)
}

// setDefaults removes attributes that are written out and that objects have without them.
func (a *Attributes) setDefaults() {
	if a.StorageClass == "STANDARD" {
		a.StorageClass = ""
	}
	if a.ACL == "private" {
		a.ACL = ""
	}
}

// attributeLines are what a fingerprint is made of beside the variant's settings.
func (r *Recipe) attributeLines() (lines []string) {
	add := func(name, value string) {
		if value != "" {
			lines = append(lines, fmt.Sprintf("%s=%q", name, value))
		}
	}
	a, m := r.Target.Attributes, r.ObjectMetadata
	add("target.cache_control", a.CacheControl)
	add("target.storage_class", a.StorageClass)
	add("target.acl", a.ACL)
	for key, value := range a.Tags {
		add(fmt.Sprintf("target.tags.%q", key), "="+value)
	}
	if m.All {
		add("object_metadata", "copy")
	}
	for _, name := range m.Names {
		add("object_metadata."+name, "kept")
	}
	return lines
}
