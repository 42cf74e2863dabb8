package stream

// Prefixes of application segments, and how much these hold.
const (
	EXIFPrefix        = "Exif\x00\x00"                             // APP1 (Exif 4.7.2)
	XMPPrefix         = "http://ns.adobe.com/xap/1.0/\x00"         // APP1 (XMP Specification Part 3, 1.1.3)
	ExtendedXMPPrefix = "http://ns.adobe.com/xmp/extension/\x00"   // APP1 (1.1.3.1)
	PhotoshopPrefix   = "Photoshop 3.0\x00"                        // APP13, image resources
	ICCPrefix         = "ICC_PROFILE\x00"                          // APP2 (ICC.1 annex B.4)
	MaxSegment        = 65533                                      // bytes of a segment behind its length
	MaxEXIF           = MaxSegment - len(EXIFPrefix)               // bytes of a block
	MaxXMP            = 65502                                      // as 1.1.3 says
	MaxIPTC           = MaxSegment - len(PhotoshopPrefix) - 12 - 1 // of an image resource: its head, and padding
	ExtendedXMPHead   = 32 + 4 + 4                                 // GUID, length of the extension, offset
	ICCChunk          = MaxSegment - len(ICCPrefix) - 2            // bytes of a profile behind number and count
	MaxICC            = 255 * ICCChunk                             // The number of chunks is stored in a byte.
)
