package export

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Terraform prints a root that calls the module.
func Terraform(d Deployment) (string, error) {
	source := "github.com/imgmill/imgmill//terraform"
	if release.MatchString(d.Version) {
		source += "?ref=" + d.Version
	}
	attributes := [][2]string{
		{"name", strconv.Quote(d.Name)},
		{"zip", strconv.Quote(d.Zip)},
		{"source_bucket", strconv.Quote(d.Parameters["SourceBucketName"])},
		{"target_bucket", strconv.Quote(d.Parameters["TargetBucketName"])},
	}
	add := func(name, value string) { attributes = append(attributes, [2]string{name, value}) }
	for _, b := range []string{"Source", "Target"} {
		if d.existing(b) {
			add(Variable("Create"+b+"Bucket"), "false")
		}
	}
	suffixes, prefix := d.filters()
	if len(suffixes) > 0 {
		add("suffixes", texts(suffixes))
	}
	if prefix != "" {
		add("prefix", strconv.Quote(prefix))
	}
	if d.existing("Source") {
		add("manage_notifications", "false")
	}
	settings, err := d.settings()
	if err != nil {
		return "", err
	}
	for _, s := range settings {
		add(Variable(s.parameter), s.literal())
	}
	if len(d.Secrets) > 0 {
		add("notify_secrets", "var.notify_secrets")
	}
	if len(d.Tags) > 0 {
		add("tags", "{ "+strings.Join(d.pairs(" = "), ", ")+" }")
	}

	text := d.header("#", "terraform init", "terraform apply") + "\n"
	if len(d.Secrets) > 0 {
		text += fmt.Sprintf(`variable "notify_secrets" {
  type        = string
  sensitive   = true
  description = "The secrets of notify, such as TF_VAR_notify_secrets=%q."
}

`, d.secrets())
	}
	width := 0
	for _, a := range attributes {
		width = max(width, len(a[0]))
	}
	text += fmt.Sprintf("module %q {\n  source = %q\n\n", d.Name, source)
	for _, a := range attributes {
		text += fmt.Sprintf("  %-*s = %s\n", width, a[0], noTemplate.Replace(a[1]))
	}
	text += "}\n"
	if d.existing("Source") {
		text += d.ownNotifications()
	}
	return text, nil
}

// noTemplate makes text of what would be evaluated in a string (Terraform documentation, "Strings and Templates").
var noTemplate = strings.NewReplacer("${", "$${", "%{", "%%{")

// ownNotifications says how an existing bucket gets its notifications.
func (d Deployment) ownNotifications() string {
	kind, arn := "lambda_function", "lambda_function_arn = module."+d.Name+".function_arn"
	if d.Parameters["Trigger"] == "queue" {
		kind, arn = "queue", "queue_arn     = module."+d.Name+".work_queue_arn"
	}
	block := fmt.Sprintf(`resource "aws_s3_bucket_notification" %[1]q {
  bucket = %[2]q

  dynamic %[3]q {
    for_each = module.%[1]s.notifications

    content {
      %-[4]*[5]s = %[3]s.value.id
      %[6]s
      %-[4]*[7]s = %[3]s.value.events
      %-[4]*[8]s = %[3]s.value.prefix
      %-[4]*[9]s = %[3]s.value.suffix
    }
  }

  depends_on = [module.%[1]s]
}`, d.Name, d.Parameters["SourceBucketName"], kind, strings.Index(arn, "=")-1, "id", arn, "events", "filter_prefix", "filter_suffix")
	return fmt.Sprintf(`
# Nothing happens until %s notifies the function. Terraform knows one configuration of notifications for a bucket and
# removes all others: if the bucket has none, take this; if you have such a resource, add the dynamic block to it.
#
# `, d.Parameters["SourceBucketName"]) + strings.ReplaceAll(strings.ReplaceAll(block, "\n", "\n# "), "# \n", "#\n") + "\n"
}

// pairs returns the tags as quoted keys and values.
func (d Deployment) pairs(between string) []string {
	var list []string
	for _, k := range slices.Sorted(maps.Keys(d.Tags)) {
		list = append(list, strconv.Quote(k)+between+strconv.Quote(d.Tags[k]))
	}
	return list
}

// secrets returns what the parameter for secrets looks like.
func (d Deployment) secrets() string {
	var pairs []string
	for _, name := range d.Secrets {
		pairs = append(pairs, name+"=...")
	}
	return strings.Join(pairs, " ")
}
