package imgmill_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"

	"github.com/imgmill/imgmill"
)

// A thumbnail of a file, written to another.
func Example() {
	in, err := os.Open("testdata/landscape.jpg")
	if err != nil {
		log.Fatal(err)
	}
	defer in.Close()

	var engine imgmill.Engine
	picture, err := engine.Open(context.Background(), in)
	if err != nil {
		log.Fatal(err)
	}
	outputs, err := picture.Render(context.Background(),
		imgmill.Variant{Width: 200, Height: 200, Fit: "cover"})
	if err != nil {
		log.Fatal(err)
	}
	thumbnail := outputs[0]
	path := filepath.Join(os.TempDir(), "thumbnail.jpg")
	if err := os.WriteFile(path, thumbnail.Data, 0o644); err != nil {
		log.Fatal(err)
	}
	defer os.Remove(path)
	fmt.Printf("%s, %d×%d\n", thumbnail.Format, thumbnail.Width, thumbnail.Height)
	// Output: jpeg, 200×200
}

// Several sizes from one decode.
func ExamplePicture_Render() {
	in, err := os.Open("testdata/landscape.jpg")
	if err != nil {
		log.Fatal(err)
	}
	defer in.Close()

	var engine imgmill.Engine
	picture, err := engine.Open(context.Background(), in)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("source: %s, %d×%d\n", picture.Info().Format, picture.Info().Width, picture.Info().Height)
	outputs, err := picture.Render(context.Background(),
		imgmill.Variant{Width: 640, Quality: 75},
		imgmill.Variant{Width: 320, MaxBytes: 10_000},
		imgmill.Variant{Width: 48, Format: "png", Settings: map[string]string{"filter": "mitchell"}},
	)
	if err != nil {
		log.Fatal(err)
	}
	for _, o := range outputs {
		fmt.Printf("%s, %d×%d\n", o.MediaType, o.Width, o.Height)
	}
	fmt.Println("within 10 kB:", len(outputs[1].Data) <= 10_000)
	// Output:
	// source: jpeg, 960×640
	// image/jpeg, 640×427
	// image/jpeg, 320×213
	// image/png, 48×32
	// within 10 kB: true
}

// Limits, and errors to branch on.
func ExampleEngine_Open() {
	in, err := os.Open("testdata/landscape.jpg")
	if err != nil {
		log.Fatal(err)
	}
	defer in.Close()

	engine := imgmill.Engine{Limits: imgmill.Limits{Pixels: 100_000}}
	_, err = engine.Open(context.Background(), in)
	fmt.Println(err)
	fmt.Println(errors.Is(err, imgmill.ErrLimit))
	// Output:
	// open picture: over a limit: 960×640 is 614400 pixels, the limit is 100000
	// true
}

// A handler that resizes what is uploaded to it: POST /?width=300.
func Example_handler() {
	var engine imgmill.Engine // shared by all requests
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		width, err := strconv.Atoi(r.URL.Query().Get("width"))
		if err != nil {
			http.Error(w, "width must be a number of pixels", http.StatusBadRequest)
			return
		}
		picture, err := engine.Open(r.Context(), r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnsupportedMediaType)
			return
		}
		outputs, err := picture.Render(r.Context(), imgmill.Variant{Width: width})
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnprocessableEntity)
			return
		}
		w.Header().Set("Content-Type", outputs[0].MediaType)
		w.Write(outputs[0].Data)
	})

	server := httptest.NewServer(handler)
	defer server.Close()
	in, err := os.Open("testdata/landscape.jpg")
	if err != nil {
		log.Fatal(err)
	}
	defer in.Close()
	response, err := http.Post(server.URL+"?width=300", "image/jpeg", in)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	fmt.Println(response.Status, response.Header.Get("Content-Type"), len(data) > 0, err)
	// Output: 200 OK image/jpeg true <nil>
}
