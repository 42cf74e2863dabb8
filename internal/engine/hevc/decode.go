package hevc

import "context"

// decode decodes the first picture in data.
func (d *Decoder) decode(ctx context.Context, sets []nalUnit, data units, sink Sink) error {
	return unsupported("all pictures: the decoder is not complete")
}
