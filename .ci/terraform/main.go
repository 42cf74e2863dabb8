// Command terraform-provider-aws stands in for Terraform's AWS provider, which is too large to build here: it has the schema
// of those resources that the module uses, from the file that IMGMILL_SCHEMA names, and reaches no network. Terraform
// validates and plans the module with it. What only AWS or the real provider checks, such as values and limits, it does not.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"maps"
	"os"
	"slices"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tfprotov5/tf5server"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// block is a block of the schema, as schema.mjs writes it.
type block struct {
	Attributes map[string]struct {
		Type               any
		Required, Computed bool
	}
	Blocks              map[string]*block
	Set, Many, Required bool
}

type schema struct{ Resources, Data map[string]*block }

func main() {
	text, err := os.ReadFile(os.Getenv("IMGMILL_SCHEMA"))
	if err != nil {
		log.Fatal(err)
	}
	var s schema
	if err := json.Unmarshal(text, &s); err != nil {
		log.Fatal(err)
	}
	if err := tf5server.Serve("registry.terraform.io/hashicorp/aws", func() tfprotov5.ProviderServer { return &provider{schema: s} }); err != nil {
		log.Fatal(err)
	}
}

var primitives = map[string]tftypes.Type{"string": tftypes.String, "number": tftypes.Number, "boolean": tftypes.Bool}

// typeOf translates ["list", "string"] and the like.
func typeOf(v any) tftypes.Type {
	list, ok := v.([]any)
	if !ok {
		return primitives[v.(string)]
	}
	element := primitives[list[1].(string)]
	switch list[0] {
	case "map":
		return tftypes.Map{ElementType: element}
	case "set":
		return tftypes.Set{ElementType: element}
	}
	return tftypes.List{ElementType: element}
}

func (b *block) schema() *tfprotov5.SchemaBlock {
	out := &tfprotov5.SchemaBlock{}
	for _, name := range slices.Sorted(maps.Keys(b.Attributes)) {
		a := b.Attributes[name]
		// The bindings do not tell which optional attributes the provider fills in, so it may be any.
		out.Attributes = append(out.Attributes, &tfprotov5.SchemaAttribute{Name: name, Type: typeOf(a.Type), Required: a.Required,
			Optional: !a.Required && !a.Computed, Computed: !a.Required})
	}
	for _, name := range slices.Sorted(maps.Keys(b.Blocks)) {
		inner := b.Blocks[name]
		n := &tfprotov5.SchemaNestedBlock{TypeName: name, Block: inner.schema(), Nesting: tfprotov5.SchemaNestedBlockNestingModeList}
		if inner.Set {
			n.Nesting = tfprotov5.SchemaNestedBlockNestingModeSet
		}
		if inner.Required {
			n.MinItems = 1
		}
		if !inner.Many {
			n.MaxItems = 1
		}
		out.BlockTypes = append(out.BlockTypes, n)
	}
	return out
}

func schemas(blocks map[string]*block) map[string]*tfprotov5.Schema {
	all := map[string]*tfprotov5.Schema{}
	for name, b := range blocks {
		all[name] = &tfprotov5.Schema{Block: b.schema()}
	}
	return all
}

type provider struct {
	tfprotov5.ProviderServer // what Terraform does not call when it validates and plans something new
	schema                   schema
}

func (p *provider) GetProviderSchema(context.Context, *tfprotov5.GetProviderSchemaRequest) (*tfprotov5.GetProviderSchemaResponse, error) {
	region := &tfprotov5.SchemaAttribute{Name: "region", Type: tftypes.String, Optional: true}
	return &tfprotov5.GetProviderSchemaResponse{
		Provider:          &tfprotov5.Schema{Block: &tfprotov5.SchemaBlock{Attributes: []*tfprotov5.SchemaAttribute{region}}},
		ResourceSchemas:   schemas(p.schema.Resources),
		DataSourceSchemas: schemas(p.schema.Data),
	}, nil
}

func (p *provider) GetMetadata(context.Context, *tfprotov5.GetMetadataRequest) (*tfprotov5.GetMetadataResponse, error) {
	out := &tfprotov5.GetMetadataResponse{ServerCapabilities: &tfprotov5.ServerCapabilities{}}
	for name := range p.schema.Resources {
		out.Resources = append(out.Resources, tfprotov5.ResourceMetadata{TypeName: name})
	}
	for name := range p.schema.Data {
		out.DataSources = append(out.DataSources, tfprotov5.DataSourceMetadata{TypeName: name})
	}
	return out, nil
}

func (*provider) PrepareProviderConfig(_ context.Context, r *tfprotov5.PrepareProviderConfigRequest) (*tfprotov5.PrepareProviderConfigResponse, error) {
	return &tfprotov5.PrepareProviderConfigResponse{PreparedConfig: r.Config}, nil
}

func (*provider) ConfigureProvider(context.Context, *tfprotov5.ConfigureProviderRequest) (*tfprotov5.ConfigureProviderResponse, error) {
	return &tfprotov5.ConfigureProviderResponse{}, nil
}

func (*provider) StopProvider(context.Context, *tfprotov5.StopProviderRequest) (*tfprotov5.StopProviderResponse, error) {
	return &tfprotov5.StopProviderResponse{}, nil
}

func (*provider) ValidateResourceTypeConfig(context.Context, *tfprotov5.ValidateResourceTypeConfigRequest) (*tfprotov5.ValidateResourceTypeConfigResponse, error) {
	return &tfprotov5.ValidateResourceTypeConfigResponse{}, nil
}

func (*provider) ValidateDataSourceConfig(context.Context, *tfprotov5.ValidateDataSourceConfigRequest) (*tfprotov5.ValidateDataSourceConfigResponse, error) {
	return &tfprotov5.ValidateDataSourceConfigResponse{}, nil
}

// The account and region of all plans.
const (
	account = "123456789012"
	region  = "us-east-1"
)

func (p *provider) ReadDataSource(_ context.Context, r *tfprotov5.ReadDataSourceRequest) (*tfprotov5.ReadDataSourceResponse, error) {
	known := map[string]string{"account_id": account, "region": region, "partition": "aws", "dns_suffix": "amazonaws.com"}
	state, err := fill(r.Config, p.schema.Data[r.TypeName], func(name string) any {
		if v, ok := known[name]; ok {
			return v
		}
		return nil
	})
	return &tfprotov5.ReadDataSourceResponse{State: state}, err
}

// PlanResourceChange plans something new. Its name and ARN are known, so that a plan shows what refers to them.
func (p *provider) PlanResourceChange(_ context.Context, r *tfprotov5.PlanResourceChangeRequest) (*tfprotov5.PlanResourceChangeResponse, error) {
	var name string
	b := p.schema.Resources[r.TypeName]
	state, err := fill(r.ProposedNewState, b, func(attribute string) any {
		here := region + ":" + account + ":"
		arns := map[string]string{"aws_lambda_function": "arn:aws:lambda:" + here + "function:", "aws_sqs_queue": "arn:aws:sqs:" + here,
			"aws_cloudwatch_log_group": "arn:aws:logs:" + here + "log-group:", "aws_iam_role": "arn:aws:iam::" + account + ":role/",
			"aws_sns_topic": "arn:aws:sns:" + here}
		switch {
		case attribute == "arn" && arns[r.TypeName] != "":
			return arns[r.TypeName] + name
		case attribute == "id" || attribute == "url":
			return name
		}
		return tftypes.UnknownValue
	}, &name)
	return &tfprotov5.PlanResourceChangeResponse{PlannedState: state}, err
}

// fill gives computed attributes that have no value one. The last argument receives the resource's name.
func fill(value *tfprotov5.DynamicValue, b *block, of func(attribute string) any, name ...*string) (*tfprotov5.DynamicValue, error) {
	kind := (&tfprotov5.Schema{Block: b.schema()}).ValueType()
	v, err := value.Unmarshal(kind)
	if err != nil {
		return nil, err
	}
	all := map[string]tftypes.Value{}
	if v.IsNull() {
		return value, nil
	}
	if err := v.As(&all); err != nil {
		return nil, err
	}
	for _, out := range name {
		for _, attribute := range []string{"bucket", "function_name", "name", "name_prefix"} {
			if known, ok := all[attribute]; ok && *out == "" && known.IsKnown() && !known.IsNull() {
				if err := known.As(out); err != nil {
					return nil, err
				}
			}
		}
	}
	for attribute, a := range b.Attributes {
		if a.Required || !all[attribute].IsNull() {
			continue
		}
		all[attribute] = tftypes.NewValue(typeOf(a.Type), nil)
		if a.Computed || attribute == "id" || attribute == "region" {
			all[attribute] = tftypes.NewValue(typeOf(a.Type), of(attribute))
		}
	}
	out, err := tfprotov5.NewDynamicValue(kind, tftypes.NewValue(kind, all))
	if err != nil {
		return nil, fmt.Errorf("fill in: %w", err)
	}
	return &out, nil
}
