package cli

import (
	"fmt"
	"io"
	"maps"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/spf13/cobra"

	"github.com/imgmill/imgmill/internal/aws/client"
	"github.com/imgmill/imgmill/internal/aws/deployment"
	"github.com/imgmill/imgmill/internal/aws/price"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

// Flags of cost that only one of its two questions needs.
var (
	monthFlags = []string{"uploads", "megabytes", "megapixels", "milliseconds", "days-kept", "views", "since"}
	worstFlags = []string{"concurrency", "timeout"}
)

// checkQuestion refuses flags that would have no effect.
func (f *costFlags) checkQuestion(c *cobra.Command) error {
	useless, why := worstFlags, "is for --worst; add it, or leave out --%[1]s"
	if f.worst {
		useless, why = monthFlags, "has no effect on --worst, which holds whatever is uploaded; leave it out"
	}
	for _, name := range useless {
		if c.Flags().Changed(name) {
			return wrongUse("--%[1]s "+why, name)
		}
	}
	const log = "with --from, which reads the deployment's log"
	if err := refuseUseless(c, effect{"since", f.from != "", "without --from"}, effect{"config", f.from == "", log},
		effect{"megapixels", f.from == "", log}); err != nil {
		return err
	}
	if f.concurrency < 0 {
		return wrongUse("--concurrency %d is not valid; use 0 or more", f.concurrency)
	}
	return nil
}

// ceiling is the output of --worst --json.
type ceiling struct {
	price.Ceiling
	Assumes []string `json:"assumes"`
}

// runWorst shows what an hour costs at most.
func (f *costFlags) runWorst(c *cobra.Command) error {
	exposure, assumes, err := f.exposure(c)
	if err != nil {
		return err
	}
	most, err := price.Limit(exposure)
	if err != nil {
		return usageError{err}
	}
	assumes = append(assumes, f.explain(most)...)
	if most.Assumed != "" {
		assumes = append(assumes, most.Assumed)
	}
	if f.json {
		return newJSON(c.OutOrStdout()).Encode(ceiling{most, assumes})
	}
	return printCeiling(c.ErrOrStderr(), most, assumes)
}

// exposure returns what bounds the cost of uploads, according to the flags or to a deployment. Flags
// of the command line take precedence.
func (f *costFlags) exposure(c *cobra.Command) (e price.Exposure, assumes []string, err error) {
	parameters := map[string]string{"Trigger": f.Trigger, "Architecture": f.Arch,
		"MemoryMB": strconv.Itoa(f.MemoryMB), "TimeoutSeconds": strconv.Itoa(f.timeout),
		"ReservedConcurrency": strconv.Itoa(f.concurrency)}
	if f.Arch == "amd64" {
		parameters["Architecture"] = "x86_64"
	}
	unreserved := deployment.DefaultAccountLimit
	var r *recipe.Recipe
	if f.from == "" {
		r, err = loadRecipe(f.config)
	} else {
		r, unreserved, assumes, err = f.readExposure(c, parameters)
	}
	if err != nil {
		return e, nil, err
	}
	e = deployment.Exposure(f.Region, parameters, unreserved, r)
	if c.Flags().Changed("variants") {
		e.Variants = f.Variants
	}
	return e, assumes, nil
}

// readExposure replaces the parameters by those of the deployment, unless a flag sets them. It returns
// the deployment's recipe, if it can be read, and what the account leaves to functions without a
// reservation.
func (f *costFlags) readExposure(c *cobra.Command, parameters map[string]string) (
	r *recipe.Recipe, unreserved int, assumes []string, err error) {
	cloud, d, err := f.findDeployment(c)
	if err != nil {
		return nil, 0, nil, err
	}
	f.Region = cloud.Region
	given := maps.Clone(parameters)
	maps.Copy(parameters, d.Parameters)
	for flag, name := range map[string]string{"trigger": "Trigger", "arch": "Architecture",
		"memory": "MemoryMB", "timeout": "TimeoutSeconds", "concurrency": "ReservedConcurrency"} {
		if c.Flags().Changed(flag) {
			parameters[name] = given[name]
		}
	}
	unreserved = deployment.DefaultAccountLimit
	if deployment.Instances(parameters, unreserved+1) > unreserved { // the account's limit decides
		out, err := cloud.Function.GetAccountSettings(c.Context(), &lambda.GetAccountSettingsInput{})
		switch {
		case err != nil:
			assumes = append(assumes, fmt.Sprintf("The account's limit of instances cannot be read (%s), so %d are assumed.",
				client.Reason(err), unreserved))
		case out.AccountLimit != nil:
			unreserved = int(aws.ToInt32(out.AccountLimit.UnreservedConcurrentExecutions))
		}
	}
	code, err := deployment.ReadCode(c.Context(), cloud, d)
	if err != nil {
		return nil, unreserved, append(assumes, fmt.Sprintf(
			"One variant is assumed, because the recipe of %s cannot be read: %v.", f.from, err)), nil
	}
	return code.Recipe, unreserved, assumes, nil
}

// explain lists what bounds the cost, what does not, and what would lower it.
func (f *costFlags) explain(c price.Ceiling) []string {
	e := c.Exposure
	function := "imgmill-NAME"
	if f.from != "" {
		function = "imgmill-" + f.from
	}
	stored := fmt.Sprintf("What an hour leaves in the target is at most %s GB, if each instance writes 100 MB a "+
		"second, and costs $%s a month until you delete it.", quantity(c.Stored.Quantity), dollars(c.Stored.USD))
	if e.CopiesBad {
		stored += " Copies of bad uploads (on_bad) take as much as was uploaded."
	}
	lower := []string{"--concurrency (everything)", "--memory (compute)", "--timeout (one upload)"}
	if e.Trigger == "queue" {
		lower[0] = "--max-concurrency (everything)"
	}
	if e.Variants > 1 || e.Manifest {
		lower = append(lower, "fewer variants or no manifest (writes)")
	}
	if e.CopiesBad {
		lower = append(lower, "no on_bad.prefix (writes, storage)")
	}
	if e.Ignores {
		lower = append(lower, "source.prefix instead of rules without variants (requests, logs)")
	}
	least := "AWS says 100 to 200"
	if e.Ignores {
		least += ", an invocation without any 1 ms"
	}
	return []string{
		fmt.Sprintf("The dearest upload is %s. The hour takes at least %s of them.", c.Upload, quantity(c.Uploads.Quantity)),
		fmt.Sprintf("Compute is bounded by AWS: no more than %s at a time, of %d MB, for 3600 seconds. "+
			"The rest is bounded by what they can do, one request after another. A request to S3 is assumed to take "+
			"10 ms at least (%s), and every line of the log to be as long as it gets.",
			count(e.Instances, "instance"), e.MemoryMB, least),
		fmt.Sprintf("One upload costs at most $%s: there are %d attempts, and each ends after %d s.",
			dollars(c.Once), c.Attempts, e.TimeoutSeconds),
		fmt.Sprintf("Uploads that come faster wait for up to %d hours, and each of these can cost as much. "+
			"To stop it: aws lambda put-function-concurrency --function-name %s --reserved-concurrent-executions 0",
			c.Backlog, function),
		stored,
		fmt.Sprintf("Not bounded here is the right to upload: S3 charges you for the uploads themselves, at least $%s "+
			"for those of the hour, and for what they store, $%g a GB and month. Bound it where you grant it, "+
			"with presigned POSTs that expire and have a content-length-range, and with a lifecycle rule.",
			dollars(c.Uploads.USD), c.UploadStorage),
		"What lowers it: " + strings.Join(lower, ", ") + ".",
		"Prices are from AWS's price list of " + c.Dated + ", in US dollars, without taxes and free tier. " +
			"What is due without any upload, such as alarms, is in imgmill cost.",
	}
}

// printCeiling writes a ceiling for a person.
func printCeiling(w io.Writer, c price.Ceiling, assumes []string) error {
	e, columns := c.Exposure, columnsOf(w)
	settings := fmt.Sprintf("%s, %s, %d MB, %d s, trigger %s, at most %s at a time, %s", e.Region, e.Arch,
		e.MemoryMB, e.TimeoutSeconds, e.Trigger, count(e.Instances, "instance"), count(e.Variants, "variant"))
	title := fmt.Sprintf("Whoever uploads, and whatever they upload: at most $%s an hour", dollars(c.Total))
	fmt.Fprintf(w, "%s\n%s\n\n", wrap(title, columns), wrap(settings, columns))
	row := func(name, quantity, unit, usd string) {
		fmt.Fprintf(w, "%-26s %11s %-10s %10s\n", name, quantity, unit, usd)
	}
	if columns < 26+11+10+10+3 {
		row = func(name, quantity, unit, usd string) {
			stacked(w, columns, name, strings.TrimSpace(quantity+" "+unit), usd)
		}
	}
	row("per hour, at most", "", "", "$")
	for _, l := range c.Lines {
		row(l.Name, quantity(l.Quantity), l.Unit, dollars(l.USD))
	}
	row("total", "", "", dollars(c.Total))
	for _, a := range assumes {
		if _, err := fmt.Fprintf(w, "\n%s\n", wrap(a, columns)); err != nil {
			return err
		}
	}
	return nil
}
