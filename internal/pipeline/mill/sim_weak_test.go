package mill_test

import (
	"github.com/imgmill/imgmill/internal/pipeline/bucket"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/buckettest"
	"github.com/imgmill/imgmill/internal/pipeline/bucket/probe"
)

// weakness is what the store of a mode does not keep, or does not say.
type weakness struct {
	lacks     probe.Lacks
	sequencer func(s *sim) string // of the next event; nil if they are in order
}

func noSequencer(*sim) string { return "" }

func equalSequencer(*sim) string { return "00000007" }

// restartedSequencer begins anew after each third change.
func restartedSequencer(s *sim) string { return sequencer(1 + s.count%3) }

// weaknesses are those of the modes in weakModes, by name.
var weaknesses = map[string]weakness{
	"no sequencers, keep":                 {nil, noSequencer},
	"no sequencers, remove":               {nil, noSequencer},
	"equal sequencers":                    {nil, equalSequencer},
	"restarted sequencers, keep":          {nil, restartedSequencer},
	"restarted sequencers, remove":        {nil, restartedSequencer},
	"no conditional delete":               {probe.Lacks{probe.DeleteIfMatch}, nil},
	"no conditional delete, no seq.":      {probe.Lacks{probe.DeleteIfMatch}, noSequencer},
	"delete markers":                      {probe.Lacks{probe.PutAfterDelete}, nil},
	"delete markers, no seq.":             {probe.Lacks{probe.PutAfterDelete}, noSequencer},
	"no conditions":                       {noConditions, restartedSequencer},
	"names with a hash, no conditions":    {noConditions, restartedSequencer},
	"bad pictures, no conditional copies": {probe.Lacks{probe.CopySource, probe.CopyTarget}, nil},
	"bad pictures, delete markers":        {probe.Lacks{probe.CopyTarget, probe.PutAfterDelete}, nil},
	"bad pictures, no conditions":         {noConditions, restartedSequencer},
}

var noConditions = probe.Lacks{
	probe.PutIfAbsent, probe.PutIfMatch, probe.CopySource, probe.CopyTarget, probe.DeleteIfMatch, probe.PutAfterDelete,
}

// weakModes run the simulation on stores that do not keep the contract, or whose events lack what
// Amazon's have. The promise is the same: when nothing is left to do, the variants of each key are
// those of its latest version.
var weakModes = []simMode{
	{name: "no sequencers, keep"},
	{name: "no sequencers, remove", recipe: "on_remove: remove\nmanifest: true\n"},
	{name: "equal sequencers", recipe: "on_remove: remove\nmanifest: true\n"},
	{name: "restarted sequencers, keep"},
	{name: "restarted sequencers, remove", recipe: "on_remove: remove\nmanifest: true\n"},
	{name: "no conditional delete", recipe: "on_remove: remove\nmanifest: true\n"},
	{name: "no conditional delete, no seq.", recipe: "on_remove: remove\n"},
	{name: "delete markers", recipe: "on_remove: remove\nmanifest: true\n"},
	{name: "delete markers, no seq.", recipe: "on_remove: remove\n"},
	{name: "no conditions", recipe: "on_remove: remove\n"},
	{name: "names with a hash, no conditions", recipe: hashed + "on_remove: remove\n"},
	{name: "bad pictures, no conditional copies", recipe: onBad, bad: true},
	{name: "bad pictures, delete markers", recipe: onBad + "on_remove: remove\n", bad: true},
	{name: "bad pictures, no conditions", recipe: onBad + "on_remove: remove\n", bad: true},
}

func init() { simModes = append(simModes, weakModes...) }

// weaken gives a run the store of its mode, and returns the store that the mill uses: the probe has
// found out what the store lacks.
func (s *sim) weaken() bucket.Store {
	w := weaknesses[s.mode.name]
	s.sequencer = w.sequencer
	if len(w.lacks) == 0 {
		return s.store
	}
	s.store.Store = buckettest.Weaken(s.store.Store, w.lacks...)
	return probe.Adapt(s.store, w.lacks)
}
