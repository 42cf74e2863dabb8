package recipe

// WithBuckets returns the recipe with other buckets, so that one file serves many deployments. An
// empty name keeps the bucket of the file. The result is checked again, because other buckets may
// close a loop. The error, if any, is Errors.
func (r *Recipe) WithBuckets(source, target string) (*Recipe, error) {
	moved := *r
	if source != "" {
		moved.Source.Bucket = source
	}
	if target != "" {
		moved.Target.Bucket = target
	}
	if err := moved.Validate(); err != nil {
		return nil, err
	}
	return &moved, nil
}
