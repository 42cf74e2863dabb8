package recipe

// WithBuckets gives the recipe for other buckets than the file's, so that one file serves many deployments; an empty name
// keeps the file's. It is checked again, because other buckets may close a loop. The error, if any, is Errors.
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
