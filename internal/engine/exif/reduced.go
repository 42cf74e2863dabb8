package exif

import "encoding/binary"

// maxValue bounds a value that Reduced keeps, in bytes.
const maxValue = 16 << 10

// notMoved are tags whose values contain offsets of the block, which are wrong once they are moved.
var notMoved = map[uint16]bool{
	tagMakerNote: true, tagSubIFDs: true, tagThumbnailOffset: true, tagStripOffsets: true,
	tagExifIFD: true, tagGPSIFD: true, tagInteropIFD: true,
}

// Reduced returns a new block of at most so many bytes that holds what a larger one says about the
// picture, without its maker note, its values over 16 KiB and what then still does not fit. It returns
// nil if nothing is left.
func Reduced(tiff []byte, most int) []byte {
	b, err := open(tiff)
	if err != nil {
		return nil
	}
	left := most - headerSize
	fields := b.copyFields(b.first, map[uint16]map[uint16]bool{
		tagExifIFD: {tagInteropIFD: true}, tagGPSIFD: nil,
	}, &left)
	if fields == nil {
		return nil
	}
	return Write(b.order.(binary.AppendByteOrder), fields)
}

// copyFields copies the directory at an offset and, from it, the directories that links name, with the
// links that each of those follows in turn. left counts the bytes that there is still room for.
func (b block) copyFields(at int64, links map[uint16]map[uint16]bool, left *int) (fields []Field) {
	const overhead = 2 + 4 // of a directory: its number of entries and its link
	if *left -= overhead; *left < 0 {
		return nil
	}
	dir, _ := b.directory(at) // what of a truncated one is there
	seen := map[uint16]bool{}
	for e := range b.entries(dir) {
		if seen[e.tag] {
			continue
		}
		seen[e.tag] = true
		if inner, ok := links[e.tag]; ok {
			child := map[uint16]map[uint16]bool{}
			for tag := range inner {
				child[tag] = nil
			}
			rest := *left - entrySize
			if to, err := b.integer(e); err == nil {
				if f := b.copyFields(int64(to), child, &rest); f != nil {
					fields = append(fields, Field{Tag: e.tag, Fields: f})
					*left = rest
				}
			}
			continue
		}
		value, ok := b.value(e)
		size := entrySize
		if len(value) > 4 {
			size += (len(value) + 1) &^ 1
		}
		if !ok || notMoved[e.tag] || len(value) > maxValue || size > *left {
			continue
		}
		*left -= size
		fields = append(fields, Field{Tag: e.tag, Type: e.typ, Count: e.count, Value: value})
	}
	return fields
}
