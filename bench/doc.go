// Command bench measures the engine against sharp, Pillow, vipsthumbnail and GraphicsMagick, the same tasks on the same
// machine in the same minutes, and prints a table of times, ratios, quality, bytes and peak memory:
//
//	go run ./bench [-photos DIR] [-rows REGEXP] [-n RUNS] [-threads one|all|both] [-json] [-offline]
//	go run ./bench -memory
//	go run ./bench -rows REGEXP -cpuprofile FILE
//
// Each program runs as a child process that stays, is asked for some repetitions of a task at a time and answers with the
// time that it took, told by its own monotonic clock from buffer to buffer. imgmill is such a child too. The children
// are asked in turns, so that whatever else the machine does hits all of them, and ratios are medians of such pairs.
// vipsthumbnail and GraphicsMagick are commands: their time has a start of a process and files in it.
//
// Quality is told against a reduction in floating point, see reference.go. The format of the tasks is in rows.go, what
// passes between parent and child in protocol.go. docs/performance.md has the figures of a run and what they mean.
//
// It never goes to the network but to install sharp (by npm, into bench/node_modules) and Pillow (by pip, into a folder of
// the user's cache) where they are not there yet, and not even then with -offline.
package main
