package export

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/imgmill/imgmill/internal/aws/deployment"
)

// CDK prints an app in TypeScript that uses the construct.
func CDK(d Deployment) (string, error) {
	properties := [][2]string{{"name", strconv.Quote(d.Name)}, {"zip", strconv.Quote(d.Zip)}}
	add := func(name, value string) { properties = append(properties, [2]string{name, value}) }
	imports := ""
	for _, b := range []string{"Source", "Target"} {
		name, bucket := strings.ToLower(b)+"Bucket", strconv.Quote(d.Parameters[b+"BucketName"])
		if d.existing(b) {
			imports = "import { Bucket } from \"aws-cdk-lib/aws-s3\";\n"
			bucket = fmt.Sprintf("Bucket.fromBucketName(stack, %q, %s)", b, bucket)
		}
		add(name, bucket)
	}
	suffixes, prefix := d.singleFilters()
	if len(suffixes) > 0 {
		add("suffixes", texts(suffixes))
	}
	if prefix != "" {
		add("prefix", strconv.Quote(prefix))
	}
	settings, err := d.settings()
	if err != nil {
		return "", err
	}
	for _, s := range settings {
		add(Property(s.parameter), s.literal())
	}
	if len(d.Secrets) > 0 {
		var pairs []string
		for _, name := range d.Secrets {
			pairs = append(pairs, fmt.Sprintf("%s=${process.env.%s}", name, name))
		}
		add("notifySecrets", "`"+strings.Join(pairs, " ")+"`")
	}
	archive := "imgmill-cdk.tgz"
	if release.MatchString(d.Version) {
		archive = "https://github.com/imgmill/imgmill/releases/download/" + d.Version + "/imgmill-cdk.tgz"
	}
	text := d.header("//", "npm install aws-cdk aws-cdk-lib constructs tsx "+archive, `npx cdk deploy --app "npx tsx app.ts"`)
	text += fmt.Sprintf(`
import { App, Stack } from "aws-cdk-lib";
%simport { Imgmill } from "imgmill-cdk";

const app = new App();
const stack = new Stack(app, %q, { tags: { %s } });

new Imgmill(stack, "Imgmill", {
`, imports, d.Stack, strings.Join(append([]string{fmt.Sprintf("%q: %q", deployment.TagName, d.Name)}, d.pairs(": ")...), ", "))
	for _, p := range properties {
		text += "  " + p[0] + ": " + p[1] + ",\n"
	}
	return text + "});\n", nil
}
