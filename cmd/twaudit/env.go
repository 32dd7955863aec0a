package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

// envPrefix begins the names of our environment variables.
const envPrefix = "TWAUDIT_"

// variable is the environment variable of a flag: TWAUDIT_CONNECT_TIMEOUT.
func variable(flag string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// noVariable marks flags that no variable stands for.
const noVariable = "twaudit-no-variable"

// withoutVariable takes the variable from a flag that means something else in
// another command, or is about one command line only.
func withoutVariable(flags *pflag.FlagSet, name string) {
	if err := flags.SetAnnotation(name, noVariable, []string{}); err != nil {
		panic(err) // no such flag: a mistake that every test of the command meets
	}
}

// bindEnvironment sets each flag that the command line left alone from its
// variable. An empty variable counts as unset. A repeatable flag takes one value
// a line, because every other separator occurs in ssh options and file names.
func bindEnvironment(flags *pflag.FlagSet, env func(string) string) error {
	var errs []error
	flags.VisitAll(func(flag *pflag.Flag) {
		if flag.Name == "help" || flag.Annotations[noVariable] != nil {
			return
		}
		if value := env(variable(flag.Name)); value != "" && !flag.Changed {
			if err := setFlag(flags, flag, value); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", variable(flag.Name), err))
				return
			}
			mark(flag, variable(flag.Name))
		}
	})
	// All of them at once: variables are set in one file and mended there.
	if len(errs) == 0 {
		return nil
	}
	return &usageError{errors.Join(errs...), "the variable stands for the flag of the same name; unset it or give the flag"}
}

// setFlag gives a flag its value as if it had been on the command line.
func setFlag(flags *pflag.FlagSet, flag *pflag.Flag, value string) error {
	list, ok := flag.Value.(pflag.SliceValue)
	if !ok {
		if flag.Value.Type() == "bool" {
			var err error
			if value, err = truth(value); err != nil {
				return err
			}
		}
		if err := flag.Value.Set(value); err != nil {
			return err
		}
		flag.Changed = true
		return nil
	}
	if err := list.Replace(strings.Split(strings.Trim(value, "\n"), "\n")); err != nil {
		return err
	}
	flag.Changed = true
	return nil
}

// truth reads what people write for true and false in files.
func truth(value string) (string, error) {
	switch strings.ToLower(value) {
	case "true", "yes", "on", "1", "t":
		return "true", nil
	case "false", "no", "off", "0", "f":
		return "false", nil
	}
	return "", fmt.Errorf("%q is neither true nor false", value)
}
