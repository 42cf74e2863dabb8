// Package sync compares a source bucket with the target bucket that a recipe asks for, and brings the
// target up to date: pictures that were there before imgmill, variants of an older recipe, uploads
// whose event was lost.
//
//	walk         list the sources; find the objects of each in listings of the target    walk.go, stream.go
//	judge        read the marks of what is there, unless they are known                  judge.go, orphan.go
//	work         make what is missing or stale, a picture at a time                      work.go
//
// Neither bucket is ever held in memory. Each kind of object (a variant, the manifests) is listed
// under its own prefix, where its keys come in about the order of their sources, and the walk reads
// each listing as far as the source at hand needs. Objects that were passed and that no source has
// asked for wait in a window of limited size. What falls out of it is looked up by its key if a
// source asks for it after all, and is a candidate for an orphan. The result is therefore exact for
// every target.key, and only the number of requests depends on the order.
//
// Where a key depends on the picture ({width}, {height}, or {format} of a variant that keeps the
// format of its source), every listed object that the template could produce for the source is a
// candidate, and its marks decide. That needs the name of the source ({key} or {stem}) before the
// first such part. Otherwise the manifest decides, which is written after the variants that it lists,
// and without manifests the source counts as unsure: work settles it once and remembers that it has.
//
// Known is the checkpoint: it remembers on disk which object, with which ETag, was found to be the
// right one for which content of its source. A run that was killed goes on where it was, and a later
// one costs little more than the listings.
//
// The package never changes a source, and never decides what may be replaced: package mill does.
package sync
