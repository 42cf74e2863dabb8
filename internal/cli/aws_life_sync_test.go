package cli_test

import (
	"bytes"
	"fmt"
	"image/jpeg"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/imgmill/imgmill/internal/engine/sample"
)

// sync makes the variants anew that the first recipe left.
func (e *emulator) sync(t *testing.T) {
	wantOutput(t, e.imgmill(t, 1, "audit", "photos"), "stale")
	wantOutput(t, e.imgmill(t, 0, "sync", "photos", "--yes", "--checkpoint", "none"), "1 object made of 1 picture")
	c, err := jpeg.DecodeConfig(bytes.NewReader(e.await(t, "photos-output", "holiday.JPG")))
	if err != nil || c.Width != 200 {
		t.Errorf("the variant is %d wide, want 200: %v", c.Width, err)
	}
	e.imgmill(t, 0, "audit", "photos")
}

// syncQueue sends pictures without variants to the work queue, more than one request takes.
func (e *emulator) syncQueue(t *testing.T) {
	if !e.runsFunctions() {
		t.Skip("nobody reads moto's queues")
	}
	const pictures = 12
	for i := range pictures {
		e.put(t, "photos-input", fmt.Sprintf("old %d.jpg", i), sample.Photo(300, 200))
	}
	for i := range pictures {
		key := fmt.Sprintf("old %d.jpg", i)
		e.await(t, "photos-output", key)
		if _, err := e.cloud.Store.DeleteObject(t.Context(),
			&awss3.DeleteObjectInput{Bucket: aws.String("photos-output"), Key: &key}); err != nil {
			t.Fatal(err)
		}
	}
	// No emulator has S3 Batch Operations, but the role is there, and a job has a price.
	args := []string{"sync", "photos", "--checkpoint", "none", "--prefix", "old", "--via"}
	wantOutput(t, e.imgmill(t, 0, append(args, "s3-batch", "--dry-run")...), "for $0.25")
	args = append(args, "queue")
	plan := strings.Join(strings.Fields(e.imgmill(t, 0, append(args, "--dry-run")...)), " ")
	wantOutput(t, plan, "make 12 objects of 12 pictures", "for less than a cent at AWS. New uploads wait",
		"Nothing was changed.")
	wantOutput(t, e.imgmill(t, 0, append(args, "--yes")...), "12 pictures sent to the work queue")
	for i := range pictures {
		c, err := jpeg.DecodeConfig(bytes.NewReader(e.await(t, "photos-output", fmt.Sprintf("old %d.jpg", i))))
		if err != nil || c.Width != 200 {
			t.Errorf("the variant is %d wide, want 200: %v", c.Width, err)
		}
	}
	e.imgmill(t, 0, "audit", "photos", "--prefix", "old")
	wantOutput(t, e.imgmill(t, 0, append(args, "--yes")...), "Nothing to do.")
}
