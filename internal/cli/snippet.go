package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/manifest"
)

// snippetFlags are the flags of snippet.
type snippetFlags struct {
	placeFlags
	variant, alt string
}

// maxManifest bounds the bytes of a manifest that are read: 256 variants with keys of 1024 bytes, several
// times each.
const maxManifest = 4 << 20

func snippetCommand() *cobra.Command {
	var f snippetFlags
	c := &cobra.Command{
		Use:   "snippet KEY [NAME]",
		Short: "Print the HTML that shows a picture",
		Long: `Print the <picture> element that shows an upload in a web page, with every width and format of a set, from its
manifest. KEY is that of the upload. The recipe needs manifest: true, or a {hash} in its keys; target.url in it says
where browsers find the target bucket.

With the NAME of a deployment, the manifest is read from its target bucket on AWS. Without a NAME, it is read from the
one that the recipe of this folder names: at --endpoint or the recipe's source.endpoint, which any S3 store has; else at
AWS_ENDPOINT_URL; else in imgmill dev, if it runs in this folder; else on AWS.`,
		Example: `  imgmill snippet albums/rose.jpg
  imgmill snippet albums/rose.jpg photos --variant card --alt "A rose"`,
		Args: func(c *cobra.Command, args []string) error {
			switch len(args) {
			case 0:
				return wrongUse("%s needs the key of an upload", c.CommandPath())
			case 1:
				return nil
			case 2:
				return oneName(c, args[1:])
			}
			return wrongUse("%s takes a key and the name of one deployment or none, got %s", c.CommandPath(), count(len(args), "argument"))
		},
		RunE: func(c *cobra.Command, args []string) error { return f.run(c, args[0], args[1:]) },
	}
	f.registerStores(c)
	flags := c.Flags()
	flags.StringVar(&f.variant, "variant", "", "`NAME` of the set or variant (default: the first set, else the first variant)")
	flags.StringVar(&f.alt, "alt", "", "alternate `TEXT` (default: that of the manifest)")
	return c
}

func (f *snippetFlags) run(c *cobra.Command, key string, name []string) error {
	p, err := f.open(c, name)
	if err != nil {
		return err
	}
	plan := p.recipe.Plan(key)
	switch {
	case plan.Excluded != "":
		return fmt.Errorf("%s is no picture of the recipe: %s", shown(key), plan.Excluded)
	case plan.Manifest.Key == "":
		return errors.New("the recipe makes no manifests; set manifest: true, and run imgmill sync")
	}
	target := p.recipe.Target.Bucket
	o, err := p.store.Get(c.Context(), target, plan.Manifest.Key, bucket.Condition{})
	if errors.Is(err, bucket.ErrNotFound) {
		return fmt.Errorf("there is no manifest %s in %s; upload the picture, or run imgmill sync", shown(plan.Manifest.Key), shown(target))
	}
	if err != nil {
		return err
	}
	defer o.Body.Close()
	data, err := io.ReadAll(io.LimitReader(o.Body, maxManifest))
	if err != nil {
		return fmt.Errorf("read %s: %w", shown(plan.Manifest.Key), err)
	}
	m, err := manifest.Parse(data)
	if err != nil {
		return fmt.Errorf("%s: %w", shown(plan.Manifest.Key), err)
	}
	text, err := m.HTML(f.variant, f.alt)
	if err != nil {
		return fmt.Errorf("%s: %w", shown(plan.Manifest.Key), err)
	}
	_, err = io.WriteString(c.OutOrStdout(), text)
	return err
}
