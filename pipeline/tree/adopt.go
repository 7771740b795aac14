package tree

import "context"

// Adopt records that the pending commits were published, on whatever they were put,
// as the commit head with the root tree root. Changes not committed yet are kept on
// top of it. On any error, a *ConflictError among them, the Checkout is as it was.
func (c *Checkout) Adopt(ctx context.Context, head, root Hash) error {
	committed := *c
	committed.pending = nil
	next, err := committed.Rebased(ctx, head, root)
	if err != nil {
		return err
	}
	c.Become(next)
	return nil
}
