package vp8l

import "context"

// parseBits is how many bits of a cost are behind the point while an image is divided.
const parseBits = 8

// hitShare and literalShare are how many hundredths of what they cost pixels of the colour cache and
// other literals are taken to cost, which makes copies of a few pixels rarer. These are libwebp's.
const (
	hitShare     = 68
	literalShare = 82
)

// longCopy is the length of a copy from which on it is tried only whole, and a little shorter.
const longCopy = 64

// lengthEnds are the largest lengths that each symbol of a length stands for.
var lengthEnds = func() (ends [lengthCodes]int) {
	for n := 1; n <= maxCopy; n++ {
		s, _, _ := prefixOf(uint32(n))
		ends[s] = n
	}
	return ends
}()

// parseGreedily keeps of overlapping copies those that follow one another, the first first. A longer
// copy that begins one pixel later is preferred.
func parseGreedily(copies []copied) {
	for at := 0; at < len(copies); at++ {
		c := copies[at]
		if c == 0 {
			continue
		}
		n := c.length()
		if n < minCopy || at+1 < len(copies) && copies[at+1] != 0 && copies[at+1].length() > n+1 {
			copies[at] = 0
			continue
		}
		at += n - 1
	}
}

// symbolCosts are how many bits symbols take, with parseBits of them behind the point.
type symbolCosts struct {
	green            []uint32 // with the extra bits of lengths
	red, blue, alpha [256]uint32
	distance         [distanceCodes]uint32 // with the extra bits
	codes            *distanceCoder
	lastDistance     int
	lastCost         uint32
}

// newSymbolCosts returns the costs of symbols as often as in h.
func newSymbolCosts(h histogram, codes *distanceCoder) *symbolCosts {
	c := &symbolCosts{green: make([]uint32, len(h.green())), codes: codes, lastDistance: -1}
	setCosts(c.green, h.green())
	setCosts(c.red[:], h.red())
	setCosts(c.blue[:], h.blue())
	setCosts(c.alpha[:], h.alpha())
	setCosts(c.distance[:], h.distance())
	for s := range lengthCodes {
		c.green[256+s] += uint32(extraBits(s)) << parseBits
	}
	for s := range c.distance {
		c.distance[s] += uint32(extraBits(s)) << parseBits
	}
	return c
}

// setCosts sets the costs of symbols that occur so often. One that does not occur costs as much as
// one that occurs once in twice as many.
func setCosts(costs []uint32, counts []uint32) {
	sum := uint32(0)
	for _, n := range counts {
		sum += n
	}
	for s, n := range counts {
		if n == sum {
			costs[s] = 0
			continue
		}
		log := fineLog2(sum) - fineLog2(max(n, 1))
		if n == 0 {
			log += 1 << costBits
		}
		costs[s] = uint32(log >> (costBits - parseBits))
	}
}

func (c *symbolCosts) copyDistance(distance int) uint32 {
	if distance != c.lastDistance {
		s, _, _ := prefixOf(c.codes.code(distance))
		c.lastDistance, c.lastCost = distance, c.distance[s]
	}
	return c.lastCost
}

// parse keeps of overlapping copies, whole or shortened, those with which the image costs least. It
// begins at the end. Whether a pixel is in the colour cache does not depend on what is a copy.
func parse(ctx context.Context, pix []uint32, copies []copied, hits []int16, c *symbolCosts) error {
	// rest holds what the image costs from a place on, for the places that copies reach. It wraps
	// around: differences between them are small.
	var rest [2 * maxCopy]uint32
	const mask = uint(len(rest) - 1)
	for i := len(copies) - 1; i >= 0; i-- {
		if i%checkPixels == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		var least uint32
		if hits != nil && hits[i] >= 0 {
			least = c.green[256+lengthCodes+int(hits[i])] * hitShare / 100
		} else {
			argb := pix[i]
			least = c.green[argb>>8&255] + c.red[argb>>16&255] + c.blue[argb&255] + c.alpha[argb>>24]
			least = least * literalShare / 100
		}
		least += rest[uint(i+1)&mask]
		if found := copies[i]; found != 0 {
			distance, longest := found.distance(), found.length()
			start, best := c.copyDistance(distance), copied(0)
			first := 0
			if longest >= longCopy {
				first, _, _ = prefixOf(uint32(longest))
				first--
			}
			for s := first; ; s++ {
				n := min(lengthEnds[s], longest)
				if cost := start + c.green[256+s] + rest[uint(i+n)&mask]; n > 1 && int32(cost-least) < 0 {
					least, best = cost, newCopy(n, distance)
				}
				if n == longest {
					break
				}
			}
			copies[i] = best
		}
		rest[uint(i)&mask] = least
	}
	return nil
}
