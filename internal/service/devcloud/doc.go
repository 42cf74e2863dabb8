// Package devcloud is a small cloud inside the process: an S3 server with real HTTP on loopback,
// and a durable queue that holds one event for every change of a watched bucket. `imgmill dev` and
// the end-to-end tests run on it.
//
// The S3 server is versitygw, which stores files below Config.Dir. The queue is a file there, of
// package queue/file. Every write of an object passes through this package on its way to the files,
// and is acknowledged only once its event, in the JSON of Amazon's notifications, is stored in the
// queue. The package never listens beyond loopback, never uses the gateway's own event senders (they
// garble keys under load), and never fails to start without an error that states what failed, where,
// and what to do.
//
// # Guarantees
//
// After the process was killed, every acknowledged write is on disk, and its event is in the queue
// or was handled. Writes that were interrupted are completed or undone at the next start: a journal
// entry exists for as long as a write is not both stored and announced, and names the key to repair
// and announce. This covers deletions, too. Events are synced to the disk, but objects and the journal
// are not (the page cache survives the process), so a loss of power may lose the last seconds of objects.
// A sweep queues again what has lost its variants in this way.
//
// The sequencers of one key's events are in the order in which the writes took effect, across
// restarts and even if the clock jumps back.
//
// # Limits
//
// The gateway stores objects as files, with these limits: `conf` and `conf/x` cannot both be keys
// (409), the part of a key between two slashes has at most 255 bytes (400), keys with empty parts, with
// the parts `.` and `..`, and with characters that XML cannot hold are refused (400), a key that ends in
// a slash holds no bytes, requests are signed with version 4, and the notification and lifecycle APIs
// answer 501.
//
// Only one Cloud can run in a process at a time. Between Start and Stop the working directory of
// the process is the gateway's data folder, because the gateway names its files relative to it:
// resolve your own relative paths before Start.
//
// Specification: Amazon S3 API Reference (2006-03-01); Amazon S3 User Guide, "Event message
// structure".
package devcloud
