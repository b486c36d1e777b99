//go:build tools

// Package tools pins the Temporal command line (and with it the server) that the tests build: see ../temporal.ts.
package tools

import _ "github.com/temporalio/cli/cmd/temporal"
