// Package devcloud is a small cloud inside the process: an S3 server with real HTTP on loopback, and a durable queue that
// holds one event for every change of a watched bucket. `imgmill dev` and the tests of the whole run on it.
//
// The S3 server is versitygw with files below Config.Dir; the queue is an embedded NATS JetStream server that does not
// listen at all. Every write of an object passes through this package on its way to the files, and is answered only when
// its event, in the JSON of Amazon's notifications, is stored in the queue. It never listens beyond loopback, never sends
// events by the gateway's own senders, and never fails a start without a sentence that says what, where and what to do.
//
// # Promises
//
// After the process was killed, whatever a client was told is done is on disk, and its event is in the queue or was
// handled. What was under way is made whole at the next start: a journal entry exists for as long as a write is not both
// stored and announced, and tells which key to set right and to announce, deletions too. Nothing is synced to the disk for
// each write (the page cache survives the process), so the loss of power may take the last seconds of objects and of
// events; Sweep queues the creations that this loses, and `imgmill audit` finds the rest.
//
// The sequencers of one key's events order exactly as the writes took effect, across restarts and clocks that jump back.
//
// # Limits
//
// Of the gateway: `conf` and `conf/x` cannot both be keys (409), a key's part between slashes has at most 255 bytes (400).
// `a//b` is stored as `a/b`, a key that ends in a slash holds no bytes, and notification and lifecycle APIs answer 501.
//
// One Cloud runs in a process at a time. Between Start and Stop the working directory of the process is the gateway's data
// folder, because its files have relative names: callers resolve their own relative paths before Start.
//
// Specification: Amazon S3 API Reference (2006-03-01); Amazon S3 User Guide, "Event message structure".
package devcloud
