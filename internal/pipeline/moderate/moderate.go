// Package moderate asks Amazon Rekognition what a picture shows that not everybody may see (Amazon Rekognition API
// Reference, DetectModerationLabels). The picture is a small JPEG, of which the pipeline makes one: the service takes JPEG and
// PNG alone, and at most 5 MB.
//
// It decides nothing: the recipe says which labels refuse a picture.
package moderate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/pipeline/awscall"
)

// Label is something that a picture shows.
type Label struct {
	Name   string
	Parent string  // the label of the level above; empty at the top
	Sure   float64 // in percent
}

// Labels finds labels.
type Labels interface {
	// Of returns the labels of a JPEG of which the service is at least so sure, in percent. The error is ErrRefused
	// if it does not take the picture.
	Of(ctx context.Context, jpeg []byte, least float64) ([]Label, error)
}

// ErrRefused means that the service does not take the picture, also not in another attempt.
var ErrRefused = errors.New("Rekognition does not take the picture")

// side is the longer side of the picture that is sent, in pixels. Rekognition recommends VGA or more for objects, and
// refuses pictures of less than 50 pixels.
const side = 1024

// Variant returns what is rendered for the service, in a format that is JPEG.
func Variant(jpeg *codec.Format) render.Variant {
	v := render.NewVariant("moderation")
	v.Width, v.Height, v.Format, v.Fit = side, side, jpeg, render.Inside
	return v
}

// Rekognition is the service in one region. There is none in China.
type Rekognition struct{ service *awscall.Service }

// Open returns the service. getenv may name another endpoint, as for all AWS SDKs.
func Open(region string, getenv func(string) string, keys aws.CredentialsProvider) *Rekognition {
	return &Rekognition{awscall.Open("rekognition", "REKOGNITION", "aws", region, getenv, keys)}
}

// timeout bounds a call; the service answers within a second.
const timeout = 10 * time.Second

// Of implements Labels.
func (r *Rekognition) Of(ctx context.Context, jpeg []byte, least float64) ([]Label, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	answer, err := r.service.JSON(ctx, "1.1", "RekognitionService.DetectModerationLabels", map[string]any{
		"Image": map[string]any{"Bytes": jpeg}, "MinConfidence": least})
	if fault, ok := errors.AsType[*awscall.Fault](err); ok {
		switch fault.Code {
		case "InvalidImageFormatException", "ImageTooLargeException", "InvalidParameterException":
			return nil, fmt.Errorf("%w: %w", ErrRefused, fault)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("ask Rekognition: %w", err)
	}
	var out struct {
		ModerationLabels []struct {
			Name, ParentName string
			Confidence       float64
		}
		ModerationModelVersion string
	}
	if err := json.Unmarshal(answer, &out); err != nil || out.ModerationModelVersion == "" {
		return nil, errors.New("ask Rekognition: the answer is no result of DetectModerationLabels")
	}
	var labels []Label
	for _, l := range out.ModerationLabels {
		labels = append(labels, Label{l.Name, l.ParentName, l.Confidence})
	}
	return labels, nil
}
