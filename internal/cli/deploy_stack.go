package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/aws/export"
	"github.com/imgmill/imgmill/internal/aws/stack"
)

// onlyDeploys are flags that mean nothing where nothing is deployed.
var onlyDeploys = []string{"region", "binary", "dry-run", "yes", "json"}

// printStack prints the deployment for another tool, and does without AWS.
func (f *deployFlags) printStack(c *cobra.Command, names deployment.Names) error {
	format, ok := export.Formats[f.stack]
	if !ok {
		return wrongUse("--stack %q is not valid; use %s", f.stack, strings.Join(slices.Sorted(maps.Keys(export.Formats)), ", "))
	}
	for _, flag := range onlyDeploys {
		if c.Flags().Changed(flag) {
			return wrongUse("--%s has no effect with --stack, which only prints; leave it out", flag)
		}
	}
	given, err := f.given(c)
	if err != nil {
		return err
	}
	tags, err := deployment.ParseTags(f.tags)
	if err != nil {
		return wrongUse("--tags %w", err)
	}
	code, err := f.readCode()
	if err != nil {
		return err
	}
	plan, err := stack.Draft(stack.Settings{Names: names, Recipe: code.recipe, Given: given})
	if err != nil {
		return err
	}
	d := export.Deployment{Names: names, Parameters: plan.Parameters, Tags: tags,
		Secrets: code.recipe.NotifySecrets(), Notifications: plan.Notifications(), Zip: f.code, Version: version()}
	if f.code == "" {
		d.Zip, d.Package = "deploy.zip", "imgmill package"
		if plan.Arch() != "arm64" {
			d.Package += " --arch " + plan.Arch()
		}
		if f.config != "" {
			d.Package += " --config " + f.config
		}
	} else if code.arch != plan.Arch() {
		return fmt.Errorf("the zip is for %s, but the function is for %s: add --arch %s, or create another zip",
			code.arch, plan.Arch(), code.arch)
	}
	text, err := format(d)
	if err != nil {
		return err
	}
	for _, n := range append(plan.Notes, d.Note(f.stack)) {
		if n != "" {
			note(c.ErrOrStderr(), "%s", n)
		}
	}
	_, err = fmt.Fprint(c.OutOrStdout(), text)
	return err
}
