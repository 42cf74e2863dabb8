package stream

import "sync"

// ChunkSize is the size of a chunk of memory in words.
const ChunkSize = 1 << 15

// Chunks holds chunks, of type *[ChunkSize]uint16, that a decoder or an encoder has used for a stream on its way: what
// decodes a picture often encodes one next.
var Chunks = sync.Pool{New: func() any { return new([ChunkSize]uint16) }}
