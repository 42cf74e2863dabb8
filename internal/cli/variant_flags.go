package cli

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/imgmill/imgmill/internal/engine/render"
	"github.com/imgmill/imgmill/internal/engine/setting"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// variantFlags are the settings of a variant as flags: one for each setting of the schema.
type variantFlags struct {
	schema *render.Schema
	values setting.Values // canonical, by the name of the setting
	given  bool
	// folder is that of the file for the overlay; empty: the current one.
	folder string
}

// register adds the flags to a command.
func (f *variantFlags) register(c *cobra.Command) {
	for _, s := range f.schema.Settings {
		flag := c.Flags().VarPF(&variantFlag{f, s}, flagName(s), "", recipe.Describe(s))
		if s.Type == setting.Bool {
			flag.NoOptDefVal = "true"
			completeValues(c, flag.Name, append([]string{"true", "false"}, s.Choices...)...)
		} else {
			completeValues(c, flag.Name, s.Choices...)
		}
	}
}

func flagName(s *render.Setting) string {
	return strings.NewReplacer("_", "-", ".", "-").Replace(s.Name)
}

// apply returns a variant with the settings that were given. Those of its size replace the size
// that it had.
func (f *variantFlags) apply(v render.Variant) (render.Variant, error) {
	if f.values["width"] != "" || f.values["height"] != "" {
		v.Width, v.Height = 0, 0
	}
	for _, s := range f.schema.Settings {
		if text, ok := f.values[s.Name]; ok {
			s.Set(&v, text)
		}
	}
	var errs []error
	problems := f.schema.Problems(v)
	if len(problems) == 0 {
		problems = f.schema.Idle(v)
	}
	for _, p := range problems {
		errs = append(errs, fmt.Errorf("--%s: %s", flagName(f.schema.Setting(p.Setting)), f.asFlags(p.Text)))
	}
	return v, errors.Join(errs...)
}

// asFlags writes the settings that a text about a recipe names as flags.
func (f *variantFlags) asFlags(text string) string {
	var names []string
	for _, s := range f.schema.Settings {
		names = append(names, regexp.QuoteMeta(s.Name))
	}
	advice := regexp.MustCompile(`\b(beside|without|leave out|or|write|use) (` + strings.Join(names, "|") + `)\b:?`)
	return advice.ReplaceAllStringFunc(text, func(found string) string {
		m := advice.FindStringSubmatch(found)
		return m[1] + " --" + flagName(f.schema.Setting(m[2]))
	})
}

// variantFlag is the value of one flag (pflag.Value).
type variantFlag struct {
	all     *variantFlags
	setting *render.Setting
}

// Set accepts what a recipe file accepts, and the name of a file in any folder.
func (f *variantFlag) Set(text string) error {
	if f.setting.Type == setting.Name {
		f.all.folder, text = filepath.Split(text)
	}
	canonical, err := f.setting.Parse(text)
	if err == nil {
		f.all.values.Set(f.setting.Name, canonical)
		f.all.given = true
	}
	return err
}

// String returns nothing: the description of the flag names the default.
func (f *variantFlag) String() string { return "" }

// Type names the value in the help.
func (f *variantFlag) Type() string {
	switch f.setting.Type {
	case setting.Int:
		return "NUMBER"
	case setting.Bool:
		if f.setting.Choices == nil {
			return "bool"
		}
	case setting.Bytes:
		return "SIZE"
	case setting.Colour:
		return "COLOUR"
	case setting.Position:
		return "POSITION"
	case setting.Percent:
		return "PERCENT"
	case setting.Name:
		return "FILE"
	}
	return "WORD"
}
