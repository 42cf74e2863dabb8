package deployment_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/imgmill/imgmill/internal/aws/client/clienttest"
	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// TestFindForeign: of a bucket with many objects, a few are looked at, and only those that a variant
// may replace.
func TestFindForeign(t *testing.T) {
	r, err := recipe.Parse(formats.All(), "test", []byte("source: {bucket: in-bucket}\ntarget: {bucket: site}\n"+
		"variants: {small: {width: 100}, large: {width: 900}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	ours := func(key string) bool { return strings.HasPrefix(key, "small/") }
	var bucket []string
	heads := 0
	c := clienttest.Open(t, func(w http.ResponseWriter, q *http.Request) {
		if q.Method == http.MethodHead {
			heads++
			switch key := strings.TrimPrefix(q.URL.Path, "/site/"); {
			case strings.Contains(key, "gone"):
				w.WriteHeader(http.StatusNotFound)
			case ours(key):
				w.Header().Set("X-Amz-Meta-Imgmill-Source-Etag", "e")
			}
			return
		}
		fmt.Fprint(w, `<ListBucketResult>`)
		for _, key := range bucket {
			if strings.HasPrefix(key, q.URL.Query().Get("prefix")) {
				fmt.Fprintf(w, `<Contents><Key>%s</Key></Contents>`, key)
			}
		}
		fmt.Fprint(w, `</ListBucketResult>`)
	})
	many := func(prefix string, n int) (keys []string) {
		for i := range n {
			keys = append(keys, fmt.Sprintf("%s%03d.jpg", prefix, i))
		}
		return keys
	}
	for _, test := range []struct {
		name string
		keys []string
		want deployment.Foreign
	}{
		{"empty", nil, deployment.Foreign{}},
		{"not where variants go", []string{"index.html", "large/style.css", "a.jpg"}, deployment.Foreign{}},
		{"ours", many("small/", 500), deployment.Foreign{Looked: 20}},
		{"of others", append(many("large/", 1), many("small/", 2)...),
			deployment.Foreign{Looked: 3, Found: 1, Example: "large/000.jpg"}},
		{"half of many", append(many("large/", 300), many("small/", 300)...),
			deployment.Foreign{Looked: 20, Found: 10, Example: "large/000.jpg"}},
		{"removed meanwhile", []string{"large/gone.jpg"}, deployment.Foreign{Looked: 1}},
	} {
		bucket, heads = test.keys, 0
		got, err := deployment.FindForeign(t.Context(), c, r, "site")
		if err != nil || got != test.want || heads != got.Looked {
			t.Errorf("%s: %+v, %v, %d HEADs; want %+v", test.name, got, err, heads, test.want)
		}
	}
	for f, want := range map[deployment.Foreign]string{
		{Looked: 2, Found: 2, Example: "a"}: "none of the objects looked at where variants go, such as a",
		{Looked: 9, Found: 2, Example: "a"}: "2 of the 9 objects looked at where variants go, such as a",
	} {
		if got := f.String(); !strings.HasSuffix(got, want) {
			t.Errorf("%+v is %q, want %q", f, got, want)
		}
	}
	if text := (deployment.Foreign{Looked: 1}).Consequence(r); !strings.Contains(text, "they stay") {
		t.Error(text)
	}
	r.Target.Overwrite = recipe.OverwriteAny
	if text := (deployment.Foreign{Looked: 1}).Consequence(r); !strings.Contains(text, "replace them") {
		t.Error(text)
	}
}
