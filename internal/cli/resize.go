package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/imgmill/imgmill/internal/engine/formats"
	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/outcome"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
	"github.com/imgmill/imgmill/internal/service/sync"
)

// resizeFlags are the command line of resize.
type resizeFlags struct {
	output, config string
	focal          string
	point          *render.Point // that focal names, or nil
	variant        variantFlags
	place          placeFlags // of objects
	jobs           int
	json, force    bool
}

func resizeCommand() *cobra.Command {
	f := resizeFlags{variant: variantFlags{schema: render.NewSchema(formats.All())}}
	c := &cobra.Command{
		Use:   "resize FILE|DIR... -o FILE|DIR",
		Short: "Resize files on this machine, as the pipeline would",
		Long: `Resize pictures on this machine with the same code as the pipeline: equal
pictures and settings give equal bytes.

Without flags for a variant, the variants are those of imgmill.yaml or, if that
does not exist, one that is at most 800 pixels wide. Inputs are never
overwritten. Folders are read with all of their subfolders, but for what macOS
leaves beside pictures. The FILE - is standard input or output.

s3://BUCKET/KEY in place of a file is an object, and s3://BUCKET/PREFIX/ in place
of a folder all that begins so, at --endpoint or the recipe's source.endpoint;
else at AWS_ENDPOINT_URL; else in imgmill dev, if it runs in this folder; else on
AWS. What is written has the recipe's attributes of objects, and is an upload like
any other for what watches the bucket.

In a folder, pictures are passed over whose outputs are there as an earlier run
made them, of the same files and by the same settings.`,
		Example: `  imgmill resize photo.jpg -o small.jpg --width 800
  imgmill resize photos/ -o web/ --width 1600 --height 1200 --quality 75
  imgmill resize *.png -o thumbs/ --width 200 --height 200 --fit cover
  imgmill resize photos/ -o out/ --config imgmill.yaml --json | jq .
  imgmill resize s3://photos/2026/ -o s3://web/2026/ --width 1600
  curl -s https://example.com/photo.jpg | imgmill resize - -o - >small.jpg`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return wrongUse("name at least one picture or folder")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			r, err := f.recipe(args)
			if err != nil {
				return err
			}
			if r, err = f.withOverlays(c.Context(), r); err != nil {
				return err
			}
			if err := f.checkStreams(args); err != nil {
				return err
			}
			at, err := f.openStorages(c, args, r)
			if err != nil {
				return err
			}
			tasks, err := f.plan(c.Context(), args, r, at)
			if err != nil {
				return err
			}
			stream := streams{c.InOrStdin(), c.OutOrStdout()}
			if f.output == streamName {
				if isTerminal(stream.out) {
					return wrongUse("-o - writes a picture to standard output, which is a terminal; redirect it to a file or a program")
				}
				tasks[0].to = stream
			}
			if args[0] == streamName {
				tasks[0].from = stream
			}
			return f.run(c.Context(), c.OutOrStdout(), c.ErrOrStderr(), tasks, r)
		},
	}
	flags := c.Flags()
	flags.StringVarP(&f.output, "output", "o", "", "file or folder to write to")
	flags.StringVar(&f.config, "config", "", "recipe whose variants are made (default imgmill.yaml, if it exists)")
	f.variant.register(c)
	f.place.registerAddresses(c)
	flags.StringVar(&f.focal, "focal", "", "what matters in the pictures, across and down, like 0.3,0.6, for variants with position: focal or attention")
	flags.IntVarP(&f.jobs, "jobs", "j", runtime.GOMAXPROCS(0), "pictures at the same time")
	flags.BoolVar(&f.force, "force", false, "make what is fresh, too")
	flags.BoolVar(&f.json, "json", false, "print one line of JSON for each picture to standard output")
	return c
}

// recipe returns what the flags ask for: a recipe file, or one variant. If one file is to be written, its
// extension names the format unless a flag does.
func (f *resizeFlags) recipe(args []string) (*recipe.Recipe, error) {
	switch {
	case f.output == "":
		return nil, wrongUse("name the file or folder to write to with -o")
	case f.jobs < 1:
		return nil, wrongUse("--jobs %d: use 1 or more", f.jobs)
	case f.variant.given && f.config != "":
		return nil, wrongUse("use either --config or flags for a variant: a recipe has its own variants")
	}
	if f.focal != "" {
		var err error
		if f.point, err = render.ParsePoint(f.focal); err != nil {
			return nil, wrongUse("--focal: %v", err)
		}
	}
	if !f.variant.given {
		return loadRecipe(f.config)
	}
	r := recipe.Default(formats.All())
	v := r.Variants[0]
	if named := r.Formats.Extension(filepath.Ext(f.output)); named != nil && named.Encoder != nil && f.singleFile(args) {
		v.Format = named
	}
	v, err := f.variant.apply(v)
	if err != nil {
		return nil, usageError{err}
	}
	r.Variants[0] = v
	return r, nil
}

// withOverlays returns the recipe with its overlays, which are files beside it or, without a recipe, where the flag says.
func (f *resizeFlags) withOverlays(ctx context.Context, r *recipe.Recipe) (*recipe.Recipe, error) {
	overlays := mill.Overlays{Dir: cmp.Or(f.variant.folder, filepath.Dir(f.config))}
	return overlays.With(ctx, &render.Engine{Formats: r.Formats}, nil, r, 0)
}

// report is one line of --json.
type report struct {
	File     string          `json:"file"`
	Verdict  outcome.Verdict `json:"verdict"`
	Reason   string          `json:"reason,omitempty"`
	Source   *mill.Picture   `json:"source,omitempty"`
	Variants []mill.Variant  `json:"variants,omitempty"` // keys are paths
	Dropped  []string        `json:"dropped,omitempty"`
	Millis   float64         `json:"ms"`
}

// run works on several tasks at a time, and reports each once it and those before it are finished.
func (f *resizeFlags) run(ctx context.Context, stdout, stderr io.Writer, tasks []task, r *recipe.Recipe) error {
	z := resizer{engine: &render.Engine{Formats: r.Formats}, limits: r.Limits, force: f.force, focal: f.point}
	if tasks[0].paths != nil {
		if !isObject(f.output) { // else each picture would find out anew
			if err := checkWritable("-o", f.output); err != nil {
				return err
			}
		}
		z.made = f.openMade(tasks[0].to, stderr)
	}
	results := make([]mill.Result, len(tasks))
	finished := make(chan int)
	var group errgroup.Group
	group.SetLimit(f.jobs)
	go func() {
		defer close(finished)
		for i := range tasks {
			if ctx.Err() != nil {
				results[i] = mill.Result{Verdict: outcome.Retry, Reason: interrupted}
				finished <- i
				continue
			}
			group.Go(func() error {
				results[i] = z.file(ctx, tasks[i])
				finished <- i
				return nil
			})
		}
		_ = group.Wait() // results carry the errors
	}()

	o := resizeOutput{table: newTable(stderr, r), status: newStatus(stderr)}
	if f.json {
		o = resizeOutput{json: newJSON(stdout), status: &status{}}
	}
	var done summary
	var err error
	ready, next := make([]bool, len(tasks)), 0
	for i := range finished {
		ready[i] = true
		done.add(results[i])
		for next < len(tasks) && ready[next] {
			if err == nil {
				err = o.picture(tasks[next].input, results[next])
			}
			next++
		}
		o.status.show("%s of %s pictures", grouped(int64(done.total())), grouped(int64(len(tasks))))
	}
	o.status.clear()
	err = errors.Join(err, z.made.Close())
	if err == nil && !f.json && (len(tasks) > 1 || done.counts[notFinishedWord] > 0) {
		err = note(stderr, "%s", done.String())
	}
	switch failed := len(tasks) - done.done() - done.counts[freshWord]; {
	case err != nil:
		return err
	case failed == 0:
		return nil
	case failed == len(tasks):
		return errReported
	}
	return errPartial
}

// resizeOutput reports pictures: as JSON, or in a table above a line that counts them.
type resizeOutput struct {
	json   *json.Encoder // or nil
	table  *table        // or nil
	status *status
}

func (o *resizeOutput) picture(input string, r mill.Result) error {
	if o.json != nil {
		return o.json.Encode(report{input, r.Verdict, r.Reason, &r.Source, r.Variants, r.Dropped, float64(r.Elapsed.Microseconds()) / 1000})
	}
	if r.Reason == interrupted {
		return nil // the last line counts these
	}
	if r.Verdict == outcome.Retry {
		r.Verdict = failedWord
	}
	o.status.clear()
	return o.table.print(resultRows(input, r))
}

// interrupted is the reason of a picture that was not finished when the command was told to end.
const interrupted = "interrupted"

// errTimeout is the cause with which the recipe's timeout ends a context.
var errTimeout = errors.New("over the recipe's timeout")

// resizer makes the variants of files.
type resizer struct {
	engine *render.Engine
	limits recipe.Limits
	made   *sync.Known   // or nil
	force  bool          // make what is fresh, too
	focal  *render.Point // of all pictures, or nil
}

// file renders one file and writes its variants.
func (z resizer) file(ctx context.Context, t task) (res mill.Result) {
	defer close(t.done)
	for _, before := range t.after {
		<-before
	}
	start := time.Now()
	limited := ctx
	if z.limits.Timeout > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeoutCause(ctx, z.limits.Timeout, errTimeout)
		defer cancel()
	}
	in := content{t.state, z.focal}
	var err error
	if in.state == "" {
		in.state, err = t.from.state(limited, t.input)
	}
	fresh := false
	if err == nil && !z.force {
		fresh, err = t.fresh(limited, z.made, in)
	}
	if err == nil && !fresh {
		err = z.write(limited, t, in, &res)
	}
	res.Verdict, res.Reason = mill.Classify(err)
	switch _, refused := errors.AsType[refusedError](err); {
	case refused:
		res.Verdict = outcome.Bad
	case errors.Is(err, errNotFile):
		res.Verdict = outcome.Skipped
	case err == nil:
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		res.Verdict, res.Reason = outcome.Retry, interrupted
	case errors.Is(err, context.DeadlineExceeded) && context.Cause(limited) == errTimeout:
		res.Verdict, res.Reason = outcome.Bad, fmt.Sprintf("%v of %v", errTimeout, z.limits.Timeout)
	}
	res.Elapsed = time.Since(start)
	return res
}

// write renders the input of a task, and writes its variants.
func (z resizer) write(ctx context.Context, t task, in content, res *mill.Result) error {
	if t.fault != nil {
		return t.fault
	}
	picture, err := t.from.open(ctx, t.input)
	if err != nil {
		return err
	}
	defer picture.Close()
	in.state = cmp.Or(picture.state, in.state)
	if in.focal == nil && picture.focal != nil {
		in.focal = picture.focal
		t.variants = slices.Clone(t.variants)
		for i := range t.variants {
			if v := &t.variants[i]; v.Position.Focal() {
				v.Focal = picture.focal
			}
		}
	}
	header, outputs, err := z.engine.Make(ctx, picture.Reader, z.limits.Limits, t.variants)
	res.Source.SetHeader(header)
	res.Source.Bytes = picture.size
	if picture.unchanged != nil && ctx.Err() == nil {
		if err := picture.unchanged(); err != nil {
			return err
		}
	}
	partial, _ := errors.AsType[*render.PartialError](err)
	if err != nil && partial == nil {
		return picture.explain(err)
	}
	for i, o := range outputs {
		if o.SameAs != "" || partial != nil && partial.Reasons[i] != nil {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		name, err := t.path(i, o, in)
		if err != nil {
			return err
		}
		state, err := t.to.write(ctx, name, o.Data, t.attributes(i, o.Format))
		if err != nil {
			return err
		}
		if err := t.note(z.made, i, name, in, state); err != nil {
			return err
		}
		res.Drop(o.Dropped...)
		res.Variants = append(res.Variants, mill.Variant{
			Name: o.Variant.Name, Set: o.Variant.Set, Key: filepath.ToSlash(name), Format: o.Format.Name, Width: o.Width, Height: o.Height, Bytes: len(o.Data)})
	}
	if partial != nil {
		return partial
	}
	return nil
}
