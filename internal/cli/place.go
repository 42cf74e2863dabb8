package cli

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/imgmill/imgmill/internal/aws/client"
	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/dir"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/pair"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/probe"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/s3"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/s3/ambient"
	"github.com/imgmill/imgmill/internal/pipeline/mill"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
	"github.com/imgmill/imgmill/internal/service/devcloud"
	"github.com/imgmill/imgmill/internal/service/sync"
)

// placeFlags say where two buckets are: on AWS, as a deployment or by the names in a recipe, in another
// store, in two, in imgmill dev, or folders in their place.
type placeFlags struct {
	config, region, dir                     string
	endpoint, targetEndpoint, targetProfile string
	from, to                                string
	prefix, checkpoint                      string
}

const placeHelp = `With the NAME of a deployment, its buckets on AWS are compared with the recipe that it runs. Without a NAME, it is
the buckets that the recipe of this folder names: at --endpoint or the recipe's source.endpoint, which any S3 store has;
else at AWS_ENDPOINT_URL; else in imgmill dev, if it runs in this folder; else on AWS. Credentials come from where the
AWS command line takes them. --from and --to name two folders instead: the path of a file below one is its key.`

func (f *placeFlags) register(c *cobra.Command) {
	f.registerStores(c)
	c.Flags().StringVar(&f.checkpoint, "checkpoint", "",
		"`FILE` that remembers what is known to be right; none for no file (default in the user's cache folder)")
}

// storeFlags are the names of those that are for buckets without a deployment.
var storeFlags = []string{"config", "endpoint", "target-endpoint", "target-profile", "dir", "from", "to"}

// registerStores registers the flags that say where the buckets are.
func (f *placeFlags) registerStores(c *cobra.Command) {
	f.registerAddresses(c)
	flags := c.Flags()
	flags.StringVar(&f.config, "config", "", "recipe, without a NAME (default imgmill.yaml, if it exists)")
	flags.StringVar(&f.from, "from", "", "`FOLDER` of pictures, in place of the source bucket")
	flags.StringVar(&f.to, "to", "", "`FOLDER` of variants, in place of the target bucket")
}

// addressFlags are the names of those that say at which address the stores are.
var addressFlags = []string{"region", "dir", "endpoint", "target-endpoint", "target-profile"}

// registerAddresses registers them.
func (f *placeFlags) registerAddresses(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.region, "region", "", regionUsage)
	flags.StringVar(&f.dir, "dir", devcloud.DefaultDir, "folder of imgmill dev")
	flags.StringVar(&f.endpoint, "endpoint", "", "`URL` of the S3 store, such as http://127.0.0.1:9000")
	flags.StringVar(&f.targetEndpoint, "target-endpoint", "", "`URL` of the store of the target bucket, if it is another")
	flags.StringVar(&f.targetProfile, "target-profile", "", "AWS `PROFILE` with the credentials for it")
}

// registerPrefix adds the flag that limits a comparison.
func (f *placeFlags) registerPrefix(c *cobra.Command) {
	c.Flags().StringVar(&f.prefix, "prefix", "", "only uploads whose keys start with this `TEXT`")
}

// place is where two buckets are.
type place struct {
	recipe *recipe.Recipe
	store  bucket.Store
	// where completes the sentence "my-input is ...".
	where string
	// dir is the folder of imgmill dev, or empty for another store.
	dir string
	// overlays is the folder of the recipe, whose files imgmill dev takes as overlays, or empty for another store.
	overlays string
	// region is that of AWS, or empty for another store.
	region string
	// folders are those in the place of the buckets, or nil.
	folders *folders
	// deployment and cloud are nil if the place is no deployment.
	deployment *deployment.Deployment
	cloud      *client.Cloud
}

// atMostOneName checks that the only argument, if any, is the name of a deployment.
func atMostOneName(c *cobra.Command, args []string) error {
	if len(args) > 1 {
		return wrongUse("%s takes the name of one deployment or none, got %s", c.CommandPath(), count(len(args), "argument"))
	}
	if len(args) == 0 {
		return nil
	}
	return oneName(c, args)
}

// open finds the place.
func (f *placeFlags) open(c *cobra.Command, args []string) (*place, error) {
	if len(args) > 0 {
		for _, flag := range storeFlags {
			if c.Flags().Changed(flag) {
				return nil, wrongUse("--%s is for buckets without a deployment, and %s names one", flag, args[0])
			}
		}
		return f.openDeployment(c.Context(), args[0])
	}
	r, err := loadRecipe(f.config)
	if err != nil {
		return nil, err
	}
	if f.from != "" || f.to != "" {
		return f.openFolders(c, r)
	}
	p, o, err := f.openSource(c, r)
	if err != nil {
		return nil, err
	}
	return p, f.openTarget(c.Context(), p, o)
}

// openSource finds the store of the source bucket, and the options that lead to it.
func (f *placeFlags) openSource(c *cobra.Command, r *recipe.Recipe) (*place, s3.Options, error) {
	p := &place{recipe: r}
	at := r.Source.Store
	o := s3.Options{Endpoint: cmp.Or(f.endpoint, at.Endpoint), Region: cmp.Or(f.region, at.Region)}
	dev := f.meansDev(r)
	var err error
	if err = refuseUseless(c, effect{"dir", dev, "where a flag, the recipe or AWS_ENDPOINT_URL names a store"}); err != nil {
		return nil, o, err
	}
	if dev {
		if o, err = f.findDev(c); err != nil {
			return nil, o, err
		}
		if o.Endpoint != "" {
			if p.dir, err = filepath.Abs(f.dir); err != nil {
				return nil, o, err
			}
			p.overlays = filepath.Dir(cmp.Or(f.config, recipeName))
			p.recipe = unmoderated(r, slog.New(slog.DiscardHandler))
		}
	}
	if r.Nameless && p.dir == "" {
		return nil, o, fmt.Errorf("%s names no buckets, which only deployments, imgmill dev and resize can do without; add source.bucket and target.bucket",
			shown(cmp.Or(f.config, recipeName)))
	}
	o.Endpoint = cmp.Or(o.Endpoint, s3.Environment(os.Getenv).Endpoint)
	o.PathStyle = o.Endpoint != "" && at.PathStyle
	source, err := ambient.Open(c.Context(), o)
	switch {
	case err != nil && dev && p.dir == "":
		return nil, o, fmt.Errorf("imgmill dev has not been started in this folder, so the buckets are looked for on AWS: %w", err)
	case err != nil:
		return nil, o, err
	}
	p.store, p.where = source, whereIs(source)
	if endpoint, region := source.Place(); endpoint == "" {
		p.region = region
	}
	return p, o, nil
}

// whereIs says where a store is, as in place. Buckets of AWS have one name in all regions.
func whereIs(s *s3.Store) string {
	if endpoint, _ := s.Place(); endpoint != "" {
		return "at " + strings.TrimRight(endpoint, "/")
	}
	return "on AWS"
}

// openTarget adds the second store, if there is one.
func (f *placeFlags) openTarget(ctx context.Context, p *place, o s3.Options) error {
	target, where, err := f.targetStore(ctx, p.recipe, o)
	switch {
	case err != nil || target == nil:
		return err
	case p.recipe.Source.Bucket == p.recipe.Target.Bucket:
		return wrongUse("both buckets are named %s; in two stores, give them different names", p.recipe.Target.Bucket)
	}
	p.store = &pair.Store{Source: p.store, Target: target, TargetBucket: p.recipe.Target.Bucket}
	p.where += " and " + where
	p.region = ""
	return nil
}

// targetStore opens the store of the target bucket if it is another than that of the source bucket, to which o
// leads; else it is nil.
func (f *placeFlags) targetStore(ctx context.Context, r *recipe.Recipe, o s3.Options) (target *s3.Store, where string, err error) {
	at := r.Target.Store
	at.Endpoint = cmp.Or(f.targetEndpoint, at.Endpoint)
	if at.Endpoint == "" && (at.Region == "" || at.Region == o.Region) {
		if f.targetProfile != "" {
			return nil, "", wrongUse("--target-profile needs --target-endpoint, or target.endpoint in the recipe")
		}
		return nil, "", nil
	}
	target, err = ambient.Open(ctx, s3.Options{
		Endpoint: at.Endpoint, Region: cmp.Or(at.Region, o.Region), PathStyle: at.Endpoint != "" && at.PathStyle,
		Profile: f.targetProfile})
	return target, cmp.Or(at.Endpoint, "in "+at.Region), err
}

// meansDev reports whether nothing names a store: neither a flag nor the recipe nor the environment, where the address of
// the imgmill dev of this folder, which it tells everybody to export, names no other one.
func (f *placeFlags) meansDev(r *recipe.Recipe) bool {
	if f.endpoint != "" || f.region != "" || r.Source.Store.Given() || r.Target.Store.Given() {
		return false
	}
	exported := s3.Environment(os.Getenv).Endpoint
	if exported == "" {
		return true
	}
	a, err := devcloud.FindRunning(f.dir)
	return err == nil && a.Endpoint == exported
}

// findDev returns the address of imgmill dev, if its folder exists. It is an error if it does not run.
func (f *placeFlags) findDev(c *cobra.Command) (s3.Options, error) {
	a, err := devcloud.FindRunning(f.dir)
	switch {
	case errors.Is(err, devcloud.ErrNoCloud) && !c.Flags().Changed("dir"):
		return s3.Options{}, nil
	case errors.Is(err, devcloud.ErrNotRunning):
		return s3.Options{}, fmt.Errorf(
			"%w: start it and run this command again, or name another place with --endpoint or --region", err)
	case err != nil:
		return s3.Options{}, err
	}
	return s3.Options{Endpoint: a.Endpoint, Region: a.Region, AccessKey: a.Access, Secret: a.Secret}, nil
}

func (f *placeFlags) openDeployment(ctx context.Context, name string) (*place, error) {
	cloud, d, err := findDeployment(ctx, f.region, name)
	if err != nil {
		return nil, err
	}
	return placeOf(ctx, cloud, d)
}

// placeOf returns the place of a deployment, with the recipe that it runs.
func placeOf(ctx context.Context, cloud *client.Cloud, d *deployment.Deployment) (*place, error) {
	code, err := deployment.ReadCode(ctx, cloud, d)
	if err != nil {
		return nil, err
	}
	return &place{
		recipe: code.Recipe, store: s3.New(cloud.Store), where: "on AWS", region: cloud.Region, deployment: d,
		cloud: cloud,
	}, nil
}

// folders are two folders in the place of buckets, as the user has named them.
type folders struct{ from, to string }

// openFolders finds two folders.
func (f *placeFlags) openFolders(c *cobra.Command, r *recipe.Recipe) (*place, error) {
	if f.from == "" || f.to == "" {
		return nil, wrongUse("name both --from, the folder of pictures, and --to, that of their variants")
	}
	for _, flag := range addressFlags {
		if c.Flags().Changed(flag) {
			return nil, wrongUse("--%s is for buckets; leave it out beside --from and --to", flag)
		}
	}
	from, err := filepath.Abs(f.from)
	if err != nil {
		return nil, err
	}
	to, err := filepath.Abs(f.to)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(from); err != nil || !info.IsDir() {
		return nil, wrongUse("--from %s: there is no such folder", f.from)
	}
	if info, err := os.Stat(to); err == nil && !info.IsDir() {
		return nil, wrongUse("--to %s is a file; name a folder", f.to)
	}
	switch inside, err := filepath.Rel(to, from); {
	case r.Source.Bucket == r.Target.Bucket:
		return nil, wrongUse("both buckets of the recipe are named %s; for two folders, give them different names", r.Target.Bucket)
	case err == nil && filepath.IsLocal(inside): // an upload could be taken for what is left over
		return nil, wrongUse("--from %s is inside --to %s; keep the variants in a folder of their own", f.from, f.to)
	}
	return &place{
		recipe: r, folders: &folders{f.from, f.to}, where: "in " + from + " and " + to,
		store: &dir.Store{
			Folders: map[string]string{r.Source.Bucket: from, r.Target.Bucket: to}, New: r.Target.Bucket,
		},
	}, nil
}

// checkWritable returns an error if a folder in the place of the target bucket cannot be written, which each picture would
// find out anew.
func (p *place) checkWritable() error {
	if p.folders == nil {
		return nil
	}
	return checkWritable("--to", p.folders.to)
}

// checkWritable makes a folder that a flag names, unless it is there, and returns an error if it cannot be written.
func checkWritable(flag, folder string) error {
	err := os.MkdirAll(folder, 0o777)
	if err == nil {
		var f *os.File
		if f, err = createTemporary(folder); err == nil {
			err = errors.Join(f.Close(), os.Remove(f.Name()))
		}
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("%s %s cannot be written: change its owner or mode, or name another folder (%w)", flag, shown(folder), e.Err)
	}
	return err
}

// mill returns a mill for the place. If it is to write, stores other than AWS are probed for what they
// lack.
func (p *place) mill(ctx context.Context, writes bool, stderr io.Writer) *mill.Mill {
	store := p.store
	if writes {
		store = p.prepared(ctx, slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	}
	m := mill.New(store, p.recipe)
	m.Overlays.Dir = p.overlays
	return m
}

// prepared returns the store to write to. One other than AWS is probed for what it lacks.
func (p *place) prepared(ctx context.Context, log *slog.Logger) bucket.Store {
	if p.region != "" || p.folders != nil {
		return p.store
	}
	return probe.Prepare(ctx, p.store, p.recipe.Target.Bucket, log)
}

// openKnown opens the checkpoint of a place. It is nil if there is to be none, or if the default one cannot
// be written, which warn then says. A command that only reads does with what another process is writing.
func (f *placeFlags) openKnown(p *place, onlyReads bool, warn func(text string)) (*sync.Known, error) {
	file := f.checkpoint
	if file == "none" {
		return nil, nil
	}
	if file == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return nil, nil // a machine without a home
		}
		id := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %q",
			p.where, p.dir, p.region, p.recipe.Source.Bucket, p.recipe.Target.Bucket))
		file = filepath.Join(cache, "imgmill", "sync-"+hex.EncodeToString(id[:8]))
	}
	known, err := sync.OpenKnown(file)
	switch {
	case onlyReads && errors.Is(err, sync.ErrKnownInUse):
		return sync.ReadKnown(file)
	case err != nil && f.checkpoint == "" && !errors.Is(err, sync.ErrKnownInUse):
		warn("what is known to be right is not remembered: " + err.Error() + "; name another file with --checkpoint")
		return nil, nil
	case err == nil && known.Damaged != "":
		warn(damaged(known))
	}
	return known, err
}

// damaged says what became of a damaged checkpoint.
func damaged(known *sync.Known) string {
	return "the checkpoint was damaged, and is now " + known.Damaged + "; everything is looked at again"
}

// warnOn writes a warning for a person.
func warnOn(w io.Writer) func(text string) {
	return func(text string) { note(w, "Warning: %s.", text) }
}

// target returns the name of the target bucket, or of the folder in its place.
func (p *place) target() string {
	if p.folders != nil {
		return shown(p.folders.to)
	}
	return shown(p.recipe.Target.Bucket)
}

// String says which buckets are compared.
func (p *place) String() string {
	if p.folders != nil {
		return shown(p.folders.from) + " and " + shown(p.folders.to)
	}
	return fmt.Sprintf("%s and %s %s", shown(p.recipe.Source.Bucket), shown(p.recipe.Target.Bucket), shown(p.where))
}
