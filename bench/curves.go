package main

import "context"

func (s *stage) curves(_ context.Context) error { return nil }
