package groupcommit

// Bisect applies a group; when bad says that the group failed because of what
// is in it, the halves are tried, down to the items that fail alone. It
// returns the error of each item that stayed out.
func Bisect[T any](items []T, apply func([]T) error, bad func(error) bool) map[int]error {
	failed := map[int]error{}
	var try func(from, to int)
	try = func(from, to int) {
		err := apply(items[from:to])
		if err == nil {
			return
		}
		if to-from == 1 || !bad(err) {
			for i := from; i < to; i++ {
				failed[i] = err
			}
			return
		}
		middle := (from + to) / 2
		try(from, middle)
		try(middle, to)
	}
	if len(items) > 0 {
		try(0, len(items))
	}
	return failed
}
