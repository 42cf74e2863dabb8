// Command bench compares the engine with sharp, Pillow, libjpeg-turbo behind Rust (turbojpeg, fast_image_resize),
// vipsthumbnail and GraphicsMagick, where it writes WebP with cwebp and gif2webp, and where it writes animated PNG
// with ffmpeg. It runs the same
// tasks on the same machine during the same minutes, and prints tables of times, ratios, quality, file
// sizes and peak memory:
//
//	go run ./bench [-photos DIR] [-rows REGEXP] [-n RUNS] [-threads one|all|both] [-cpu] [-json] [-offline]
//	go run ./bench -against REVISION [-rows REGEXP] [-n PAIRS] [-threads one|all|both]
//	go run ./bench -memory [-rows REGEXP] [-threads one|all|both]
//	go run ./bench -rows REGEXP -cpuprofile FILE
//	go run ./bench -looks [-reference COMMAND] PICTURE...
//	go run ./bench -rate [-rows REGEXP] [-n RUNS] [-most BOUNDS] PICTURE...
//	go run ./bench -sheet FILE [-rows REGEXP] [PICTURE...]
//
// Each program runs in a long-lived child process, which repeats a task as often as requested and
// answers with the time taken from buffer to buffer, measured by its own monotonic clock, and with
// that of processors, which -cpu compares. imgmill runs in such a child too. The children take turns,
// so that other load on the machine affects all of them, and each ratio is the median of the ratios
// of such pairs. vipsthumbnail, GraphicsMagick, cwebp, gif2webp and ffmpeg are commands: their times
// include starting a process and file access.
//
// -against builds the bench of another revision of the repository, whose engine takes turns with this one.
//
// -looks compares the bytes and the scores of quality auto with those of quality 80. -rate compares the bytes
// of JPEG encoders at equal looks, by SSIMULACRA2 and Butteraugli, with those of libjpeg-turbo. -sheet
// shows crops of their files of equal bytes.
//
// Quality of JPEG is measured against a reduction in floating point; see reference.go. rows.go defines
// the tasks, and protocol.go the messages between parent and child. docs/performance.md lists the
// figures of a run and explains them.
//
// The command accesses the network only to install sharp (with npm, into bench/node_modules), Pillow with
// pillow-heif or pyjpegli (with pip, into folders of the user's cache) and the crates of peers/turbojpeg (with cargo)
// if they are missing, and with -offline not even then.
package main
