package stack

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/imgmill/imgmill/internal/pipeline/notify"
	"github.com/imgmill/imgmill/internal/pipeline/recipe"
)

const (
	// secretsParameter is the parameter of the template that holds secrets.
	secretsParameter = "NotifySecrets"
	// hidden is what CloudFormation shows of its value, also of an empty one (AWS CloudFormation User Guide,
	// "Parameters", NoEcho).
	hidden = "****"
)

// chooseNotify sets the parameters that follow from where the recipe's events go. Secrets come from the environment
// variables that the recipe names, or stay as they are in the stack.
func (p *Plan) chooseNotify() (errs []error) {
	p.Parameters["Notify"] = strconv.FormatBool(len(p.Recipe.Notify) > 0)
	arns := map[string][]string{}
	for _, arn := range p.Recipe.NotifyARNs() {
		service := recipe.Notify{To: arn}.Service()
		arns[service] = append(arns[service], arn)
	}
	for service, parameter := range map[string]string{"events": "NotifyBusArns", "sns": "NotifyTopicArns", "sqs": "NotifyQueueArns"} {
		p.Parameters[parameter] = strings.Join(arns[service], ",")
	}
	for _, n := range p.Recipe.Notify {
		if n.OnThisMachine() {
			errs = append(errs, fmt.Errorf("notify %s: a function has no services of its own machine; name another address", n.To))
		}
	}
	var pairs, missing []string
	for _, name := range p.Recipe.NotifySecrets() {
		value := ""
		if !p.draft {
			value = p.Getenv(name)
		}
		if value == "" {
			missing = append(missing, name)
			continue
		}
		if err := checkSecret(p.Recipe, name, value); err != nil {
			errs = append(errs, err)
		}
		pairs = append(pairs, name+"="+value)
	}
	kept := p.Current != nil && p.Current.Parameters["Notify"] == "true" && p.Current.Parameters[secretsParameter] != ""
	switch {
	case p.draft:
		p.Parameters[secretsParameter] = ""
	case len(missing) == 0:
		p.Parameters[secretsParameter] = strings.Join(pairs, " ")
	case len(pairs) > 0:
		errs = append(errs, fmt.Errorf("the secrets of notify are replaced together: set %s too, or none of them to keep what the stack has",
			strings.Join(missing, ", ")))
	case kept:
		p.Parameters[secretsParameter] = p.Current.Parameters[secretsParameter]
		p.note("The secrets of notify stay as the stack has them; to give others, set %s in the environment.", strings.Join(missing, ", "))
	default:
		errs = append(errs, fmt.Errorf("the recipe's notify needs a secret: set %s in the environment; the function gets it encrypted",
			strings.Join(missing, ", ")))
	}
	return errs
}

// checkSecret reports what is wrong with a secret, without quoting it.
func checkSecret(r *recipe.Recipe, name, value string) error {
	if strings.ContainsAny(value, " \t\r\n") {
		return fmt.Errorf("the secret in %s contains a space; write several with commas between them", name)
	}
	for _, n := range r.Notify {
		if n.SecretEnv != name || !n.IsWebhook() {
			continue
		}
		if _, err := notify.ParseSecret(value); err != nil {
			return errors.New("the secret in " + name + " " + err.Error())
		}
	}
	return nil
}
