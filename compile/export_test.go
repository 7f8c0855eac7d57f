package compile

// RewriteNames lists everything that Config.Disable may name.
func RewriteNames() []string {
	var names []string
	for _, p := range passOrder {
		if !p.required {
			names = append(names, p.name)
		}
	}
	names = append(names, "fold", "hoist", "unroll")
	for _, r := range rules {
		names = append(names, r.name)
	}
	return names
}
