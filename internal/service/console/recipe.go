package console

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// starter is the text of a recipe that has no file yet: it does what happens without one.
const starter = `# What is made of every picture. Change it and look at the preview.
variants:
  resized: {width: 800}
`

// served is a recipe as the page edits it.
type served struct {
	Name  string `json:"name"`
	Text  string `json:"text"`
	Sum   string `json:"sum"`   // of the text in the file, for saving
	Saves bool   `json:"saves"` // it can be saved
	New   bool   `json:"new"`   // there is no file yet
}

// problem is what is wrong with a line of a recipe.
type problem struct {
	Line int    `json:"line"`
	Name string `json:"name"`
	Text string `json:"text"`
}

func sum(text []byte) string {
	s := sha256.Sum256(text)
	return hex.EncodeToString(s[:12])
}

// summed is a recipe with a sum that changes if its variants do.
type summed struct {
	recipe *recipe.Recipe
	sum    string
}

// recipeSum returns the sum of the present recipe.
func (c *Console) recipeSum() string {
	r := c.recipe()
	if last := c.summed.Load(); last != nil && last.recipe == r {
		return last.sum
	}
	var b bytes.Buffer
	for _, v := range r.Variants {
		io.WriteString(&b, v.Name+" "+r.Fingerprint(v)+"\n")
	}
	s := sum(b.Bytes())
	c.summed.Store(&summed{r, s})
	return s
}

// serveRecipe sends the text of the recipe.
func (c *Console) serveRecipe(w http.ResponseWriter, _ *http.Request) {
	name, text, err := c.Recipe.Read()
	if err != nil {
		fail(w, http.StatusInternalServerError, "read the recipe: %v", err)
		return
	}
	s := served{Name: name, Text: string(text), Sum: sum(text), Saves: !c.Fixed, New: len(text) == 0}
	if s.New {
		s.Text = starter
	}
	answer(w, s)
}

// parse reads a recipe as the service does.
func (c *Console) parse(name, text string) (*recipe.Recipe, []problem) {
	r, err := recipe.ParseAnywhere(c.recipe().Formats, name, []byte(text))
	problems := []problem{}
	var all recipe.Errors
	if errors.As(err, &all) {
		for _, p := range all {
			problems = append(problems, problem{p.Line, p.Name, p.Text})
		}
	}
	present := c.recipe()
	switch {
	case err != nil:
	case r.Nameless:
		r.Source.Bucket, r.Target.Bucket = present.Source.Bucket, present.Target.Bucket
	case r.Source.Bucket != present.Source.Bucket || r.Target.Bucket != present.Target.Bucket:
		problems = append(problems, problem{1, "source.bucket", "names other buckets than those that are in use, " +
			present.Source.Bucket + " and " + present.Target.Bucket + "; stop and start again with such a recipe"})
	}
	return r, problems
}

// draft is a recipe in the editor.
type draft struct {
	Text string `json:"text"`
	Sum  string `json:"sum"` // of the text that it was made from
	Key  string `json:"key"` // of the picture for a preview
}

// refuse answers that a draft has problems.
func refuse(w http.ResponseWriter, problems []problem) {
	w.Header().Set("Content-Type", "application/json") // which is too late after the status
	w.WriteHeader(http.StatusUnprocessableEntity)
	answer(w, map[string]any{"problems": problems})
}

// checkRecipe reports what is wrong with a draft.
func (c *Console) checkRecipe(w http.ResponseWriter, r *http.Request) {
	var d draft
	if read(w, r, &d) {
		_, problems := c.parse("", d.Text)
		answer(w, map[string]any{"problems": problems})
	}
}

// saveRecipe replaces the recipe by a draft without problems, unless the file has changed since the draft
// was begun.
func (c *Console) saveRecipe(w http.ResponseWriter, r *http.Request) {
	var d draft
	switch {
	case !read(w, r, &d):
		return
	case c.Fixed:
		fail(w, http.StatusMethodNotAllowed, "this recipe cannot be saved here")
		return
	}
	c.saving.Lock() // so that of two pages one finds out about the other
	defer c.saving.Unlock()
	name, present, err := c.Recipe.Read()
	if err == nil && sum(present) != d.Sum {
		fail(w, http.StatusConflict, "%s has been edited elsewhere", name)
		return
	}
	if err == nil {
		if _, problems := c.parse(name, d.Text); len(problems) > 0 {
			refuse(w, problems)
			return
		}
		err = c.Recipe.Write([]byte(d.Text))
	}
	if err != nil {
		fail(w, http.StatusInternalServerError, "save the recipe: %v", err)
		return
	}
	answer(w, map[string]string{"sum": sum([]byte(d.Text))})
}

// preview is a variant that a draft would make.
type preview struct {
	Name   string `json:"name"`
	Format string `json:"format"`
	Type   string `json:"type"`
	Width  int    `json:"w"`
	Height int    `json:"h"`
	Bytes  int    `json:"bytes"`
	Shows  bool   `json:"shows"`
	Data   []byte `json:"data,omitempty"`
	Failed string `json:"failed,omitempty"`
}

// maxPreview bounds the bytes of a variant that a preview shows.
const maxPreview = 8 << 20

// servePreview makes what a draft would make of a picture. Nothing is stored.
func (c *Console) servePreview(w http.ResponseWriter, r *http.Request) {
	var d draft
	if !read(w, r, &d) {
		return
	}
	rec, problems := c.parse("", d.Text)
	if len(problems) > 0 {
		refuse(w, problems)
		return
	}
	m := c.Mill()
	rec, err := m.Overlays.With(r.Context(), m.Engine, m.Store, rec, 0) // of watermarks, as they are now
	if err != nil {
		fail(w, http.StatusUnprocessableEntity, "%v", err)
		return
	}
	all := func(all []render.Variant) []render.Variant { return all }
	header, outputs, err := c.render(r.Context(), rec, d.Key, all)
	var partial *render.PartialError
	if err != nil && !errors.As(err, &partial) {
		failRender(w, err)
		return
	}
	made := []preview{}
	for i, o := range outputs {
		p := preview{Name: o.Variant.Name}
		switch {
		case partial != nil && partial.Reasons[i] != nil:
			p.Failed = partial.Reasons[i].Error()
		case o.Data == nil:
			continue // it is the same as another
		default:
			p = preview{o.Variant.Name, o.Format.Name, o.Format.MediaType, o.Width, o.Height, len(o.Data), displayable(o.Format.MediaType), nil, ""}
			if p.Shows && len(o.Data) <= maxPreview {
				p.Data = o.Data
			}
		}
		made = append(made, p)
	}
	answer(w, map[string]any{"excluded": rec.Plan(d.Key).Excluded, "source": source(header), "variants": made})
}

// source describes the picture of a preview.
func source(h codec.Header) map[string]any {
	w, ht := h.Width, h.Height
	if h.Orientation.Swaps() {
		w, ht = ht, w
	}
	return map[string]any{"format": h.Format.Name, "w": w, "h": ht}
}

// query returns names and values as the query of a URL.
func query(pairs ...string) string {
	v := url.Values{}
	for p := range slices.Chunk(pairs, 2) {
		v.Set(p[0], p[1])
	}
	return v.Encode()
}
