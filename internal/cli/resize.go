package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/google/renameio/v2/maybe"
	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/sync/errgroup"

	"github.com/imgmill/imgmill/internal/engine/codec"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/engine/resample"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// resizeFlags are the command line of resize.
type resizeFlags struct {
	output, config      string
	fit, format, filter string
	effort, subsampling string
	width, height       int
	quality, processors int
	linear, progressive bool
	json                bool
}

func resizeCommand() *cobra.Command {
	var f resizeFlags
	c := &cobra.Command{
		Use:   "resize FILE|DIR... -o FILE|DIR",
		Short: "Resize files on this machine, as the pipeline would",
		Long: `Resize pictures on this machine by the same code as the pipeline: equal pictures and settings give equal bytes.

Without size flags the variants are those of imgmill.yaml, or, if there is none, one that is 800 pixels wide. A picture is
never enlarged, an input never overwritten. Folders are read with all their subfolders.`,
		Example: `  imgmill resize photo.jpg -o small.jpg --width 800
  imgmill resize photos/ -o web/ --width 1600 --height 1200 --quality 75
  imgmill resize *.png -o thumbs/ --width 200 --height 200 --fit cover
  imgmill resize photos/ -o out/ --config imgmill.yaml --json | jq .`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return wrongUse("name at least one picture or folder")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			r, err := f.recipe(c)
			if err != nil {
				return err
			}
			tasks, err := f.plan(args, r)
			if err != nil {
				return err
			}
			return f.run(c.Context(), c.OutOrStdout(), c.ErrOrStderr(), tasks, r)
		},
	}
	flags := c.Flags()
	flags.StringVarP(&f.output, "output", "o", "", "file or folder to write to")
	flags.StringVar(&f.config, "config", "", "recipe whose variants are made (default imgmill.yaml if it is there)")
	flags.IntVar(&f.width, "width", 0, "width in pixels; 0 follows the height")
	flags.IntVar(&f.height, "height", 0, "height in pixels; 0 follows the width")
	flags.StringVar(&f.fit, "fit", "inside", "inside, cover, contain, fill or outside")
	flags.StringVar(&f.format, "format", "", "jpeg or png (default: that of the picture, or of the output file's name)")
	flags.StringVar(&f.filter, "filter", "", "lanczos3, catmull-rom, mitchell, linear or box (default lanczos3)")
	flags.BoolVar(&f.linear, "linear-light", false, "mix light, not levels, in several times the time")
	flags.IntVar(&f.quality, "quality", 0, "JPEG quality, 1 to 100 (default 80, or what keeps a JPEG from growing)")
	flags.StringVar(&f.effort, "effort", "normal", "normal, or high for fewer bytes in several times the time")
	flags.StringVar(&f.subsampling, "subsampling", "", "colour samples of a JPEG: 4:2:0, 4:2:2 or 4:4:4 (default 4:2:0)")
	flags.BoolVar(&f.progressive, "progressive", false, "JPEG that shows coarse first while it loads")
	flags.IntVarP(&f.processors, "jobs", "j", runtime.GOMAXPROCS(0), "pictures at the same time")
	flags.BoolVar(&f.json, "json", false, "one line of JSON per picture on standard output")
	completeValues(c, "fit", string(render.Inside), string(render.Cover), string(render.Contain), string(render.Fill), string(render.Outside))
	completeValues(c, "format", string(codec.JPEG), string(codec.PNG))
	completeValues(c, "filter", string(resample.Lanczos3), string(resample.CatmullRom), string(resample.Mitchell), string(resample.Linear),
		string(resample.Box))
	completeValues(c, "effort", string(codec.NormalEffort), string(codec.HighEffort))
	completeValues(c, "subsampling", string(codec.Subsample420), string(codec.Subsample422), string(codec.Subsample444))
	return c
}

// recipe is what the flags ask for: a recipe file, or one variant.
func (f *resizeFlags) recipe(c *cobra.Command) (*recipe.Recipe, error) {
	sized := false
	for _, name := range []string{"width", "height", "fit", "filter", "linear-light", "format", "quality", "effort", "subsampling", "progressive"} {
		sized = sized || c.Flags().Changed(name)
	}
	switch {
	case f.output == "":
		return nil, wrongUse("say where to write with -o FILE or -o DIR")
	case f.processors < 1:
		return nil, wrongUse("--jobs %d: use 1 or more", f.processors)
	case sized && f.config != "":
		return nil, wrongUse("--config and size flags exclude each other: a recipe names its own sizes")
	case !sized:
		return loadRecipe(f.config)
	}
	r := recipe.Default()
	v := r.Variants[0]
	if f.width != 0 || f.height != 0 {
		v.Width, v.Height = f.width, f.height
	}
	v.Fit, v.Filter, v.LinearLight = render.Fit(f.fit), resample.Filter(f.filter), f.linear
	v.Format, v.Quality, v.Effort = codec.Format(f.format), f.quality, codec.Effort(f.effort)
	v.Subsampling, v.Progressive = codec.Subsampling(f.subsampling), f.progressive
	if v.Format == "jpg" {
		v.Format = codec.JPEG
	}
	r.Variants[0] = v
	if err := v.Validate(); err != nil {
		return nil, usageError{err}
	}
	return r, nil
}

// report is one line of --json.
type report struct {
	File     string          `json:"file"`
	Verdict  outcome.Verdict `json:"verdict"`
	Reason   string          `json:"reason,omitempty"`
	Source   *mill.Picture   `json:"source,omitempty"`
	Variants []mill.Variant  `json:"variants,omitempty"` // keys are paths
	Millis   float64         `json:"ms"`
}

// run works on the tasks on all cores and tells of each.
func (f *resizeFlags) run(ctx context.Context, stdout, stderr io.Writer, tasks []task, r *recipe.Recipe) error {
	var progress *mpb.Progress
	var bar *mpb.Bar
	if !f.json && len(tasks) > 1 && isTerminal(stderr) {
		progress = mpb.NewWithContext(ctx, mpb.WithOutput(stderr), mpb.WithWidth(40))
		bar = progress.AddBar(int64(len(tasks)), mpb.BarRemoveOnComplete(),
			mpb.PrependDecorators(decor.CountersNoUnit("%d of %d pictures ")), mpb.AppendDecorators(decor.AverageETA(decor.ET_STYLE_MMSS)))
	}
	results := make([]mill.Result, len(tasks))
	tell := make(chan int)
	var group errgroup.Group
	group.SetLimit(f.processors)
	go func() {
		defer close(tell)
		for i := range tasks {
			if ctx.Err() != nil {
				results[i] = mill.Result{Verdict: outcome.Retry, Reason: "interrupted"}
				tell <- i
				continue
			}
			group.Go(func() error {
				results[i] = resizeFile(ctx, tasks[i], r)
				tell <- i
				return nil
			})
		}
		_ = group.Wait() // results carry the errors
	}()
	var writeErr error
	lines := json.NewEncoder(stdout)
	for i := range tell {
		if f.json && writeErr == nil {
			res := results[i]
			writeErr = lines.Encode(report{tasks[i].input, res.Verdict, res.Reason, &res.Source, res.Variants, float64(res.Elapsed.Microseconds()) / 1000})
		}
		if bar != nil {
			bar.Increment()
		}
	}
	if progress != nil {
		progress.Wait()
	}
	if writeErr != nil {
		return writeErr
	}
	return f.conclude(stderr, tasks, results)
}

// conclude prints the table and chooses how the command ends.
func (f *resizeFlags) conclude(stderr io.Writer, tasks []task, results []mill.Result) error {
	failed := 0
	var rows []row
	for i, r := range results {
		if r.Verdict != outcome.Done {
			failed++
		}
		rows = append(rows, resultRows(tasks[i].input, r)...)
	}
	if !f.json {
		if err := printTable(stderr, rows); err != nil {
			return err
		}
	}
	switch failed {
	case 0:
		return nil
	case len(tasks):
		return errTold
	}
	return errPartial
}

// resizeFile renders one file and writes its variants, each through a temporary file and a rename.
func resizeFile(ctx context.Context, t task, r *recipe.Recipe) (res mill.Result) {
	start := time.Now()
	defer func() { res.Elapsed = time.Since(start) }()
	fail := func(err error) mill.Result {
		res.Verdict, res.Reason = outcome.Retry, err.Error()
		if reason, ok := render.Explain(err); ok {
			res.Verdict, res.Reason = outcome.Bad, reason
		}
		return res
	}
	in, err := os.Open(t.input)
	if err != nil {
		return fail(err)
	}
	defer in.Close()
	if info, err := in.Stat(); err == nil {
		res.Source.Bytes = info.Size()
	}
	d, err := codec.Open(in, r.Limits.Limits)
	if err != nil {
		return fail(err)
	}
	h := d.Header()
	res.Source.Format, res.Source.Width, res.Source.Height = h.Format, h.Width, h.Height
	outputs, err := render.Render(ctx, d, t.variants)
	if err != nil {
		return fail(err)
	}
	for _, o := range outputs {
		path, err := t.path(o)
		if err == nil {
			err = writeOutput(path, t.inputs, o.Data)
		}
		if err != nil {
			return fail(err)
		}
		res.Variants = append(res.Variants, mill.Variant{
			Name: o.Variant.Name, Key: filepath.ToSlash(path), Format: o.Format, Width: o.Width, Height: o.Height, Bytes: len(o.Data)})
	}
	res.Verdict = outcome.Done
	return res
}

// errOverwrite: the output would replace an input.
var errOverwrite = errors.New("that is an input, which is never overwritten; choose another -o")

// writeOutput writes a file whole or not at all.
func writeOutput(path string, inputs *inputSet, data []byte) error {
	if inputs.holds(path) {
		return fmt.Errorf("%s: %w", path, errOverwrite)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return maybe.WriteFile(path, data, 0o666)
}
