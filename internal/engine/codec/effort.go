package codec

import "github.com/imgmill/imgmill/internal/engine/setting"

// Effort is how hard an encoder works for smaller files.
type Effort uint8

const (
	NormalEffort Effort = iota
	FastEffort          // saves time
	HighEffort          // saves bytes
)

// EffortSetting is the setting of formats whose encoders know all three efforts.
var EffortSetting = &setting.Setting{
	Name: "effort", Type: setting.Choice, Choices: []string{"fast", "normal", "high"}, Default: "normal",
	Help: "fast saves time, high saves bytes",
}

// EffortOf returns the effort that the settings of a variant ask for.
func EffortOf(v setting.Values) Effort {
	switch v.Text(EffortSetting) {
	case "fast":
		return FastEffort
	case "high":
		return HighEffort
	}
	return NormalEffort
}
