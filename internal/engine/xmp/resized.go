package xmp

import (
	"slices"
	"strconv"
)

// Picture is what a packet describes once the picture has been resized.
type Picture struct {
	Width, Height int // pixels
	// Moved means that places in the picture are no longer where they were, in proportion to it: it was turned,
	// cropped or padded.
	Moved bool
	// ColorSpace is the value of that property (Part 2, 2.4.3), or 0 if the samples are in the space that
	// the packet declares.
	ColorSpace int
}

// storage are properties that say how the samples were stored, or belong to what was stored beside the
// picture and is not any more.
var storage = map[name]bool{
	{nsTIFF, "BitsPerSample"}: true, {nsTIFF, "Compression"}: true, {nsTIFF, "SamplesPerPixel"}: true,
	{nsTIFF, "PhotometricInterpretation"}: true, {nsTIFF, "PlanarConfiguration"}: true,
	{nsTIFF, "YCbCrSubSampling"}: true, {nsTIFF, "YCbCrPositioning"}: true, {nsTIFF, "NativeDigest"}: true,
	{nsEXIF, "CompressedBitsPerPixel"}: true, {nsEXIF, "NativeDigest"}: true,
	{nsPhotoshop, "ICCProfile"}: true, {nsPhotoshop, "ColorMode"}: true, {nsDC, "format"}: true,
}

// pictures are properties that hold a picture as it was, with whatever a crop has cut off.
var pictures = map[name]bool{
	{nsXMP, "Thumbnails"}:                                 true,
	{"http://ns.google.com/photos/1.0/image/", "Data"}:    true, // the photograph before its blur or crop
	{"http://ns.google.com/photos/1.0/depthmap/", "Data"}: true,
}

// places are properties that say where something is in the picture.
var places = map[name]bool{
	{nsRegions, "Regions"}: true, {nsPeople, "RegionInfo"}: true,
	{nsEXIF, "SubjectArea"}: true, {nsEXIF, "SubjectLocation"}: true,
	{"http://iptc.org/std/Iptc4xmpExt/2008-02-29/", "ImageRegion"}: true,
}

// appended are namespaces of what describes further pictures or a film behind the first picture of a
// file (gain maps, depth maps, motion photos): a reader would look for them in vain.
var appended = map[string]bool{
	"http://ns.adobe.com/hdr-gain-map/1.0/":           true,
	"http://ns.apple.com/HDRGainMap/1.0/":             true,
	"http://ns.google.com/photos/1.0/container/":      true,
	"http://ns.google.com/photos/1.0/container/item/": true,
	"http://ns.google.com/photos/dd/1.0/device/":      true,
	"http://ns.google.com/photos/dd/1.0/container/":   true,
	"http://ns.google.com/photos/dd/1.0/item/":        true,
	"http://ns.google.com/photos/1.0/camera/":         true, // of motion photos, and shot logs
	"http://ns.samsung.com/photos/motionphoto/1.0/":   true,
	"http://ns.xiaomi.com/photos/1.0/camera/":         true,
}

// Resized corrects the packet for a picture that was turned upright and is now q: the orientation, the
// sizes and the colour space, where the packet has them. It removes pictures of the old size, what
// describes how that was stored, what describes pictures behind it and, of a picture that was moved, where in it
// something was.
func (p *Packet) Resized(q Picture) {
	p.props = without(p.props)
	if q.Moved {
		p.props = slices.DeleteFunc(p.props, func(n *node) bool { return places[n.name] })
	}
	set := func(space, local string, v int) {
		if n := p.property(space, local); n != nil && n.children == nil {
			n.text = strconv.Itoa(v)
		}
	}
	set(nsTIFF, "Orientation", 1)
	set(nsTIFF, "ImageWidth", q.Width)
	set(nsTIFF, "ImageLength", q.Height)
	set(nsEXIF, "PixelXDimension", q.Width)
	set(nsEXIF, "PixelYDimension", q.Height)
	if q.ColorSpace != 0 {
		set(nsEXIF, "ColorSpace", q.ColorSpace)
	}
}

// without removes what Resized removes, at any depth.
func without(nodes []*node) []*node {
	stale := func(n name) bool { return storage[n] || pictures[n] || appended[n.space] }
	nodes = slices.DeleteFunc(nodes, func(n *node) bool { return stale(n.name) })
	for _, n := range nodes {
		if n.children = without(n.children); len(n.children) == 0 {
			n.children = nil
		}
		n.attrs = slices.DeleteFunc(n.attrs, func(a attr) bool { return stale(a.name) })
	}
	return nodes
}
