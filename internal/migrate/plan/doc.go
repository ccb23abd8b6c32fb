// Package plan turns the differences between two models into steps.
//
// A Plan is a value. An Engine adds its steps, with the help of a Planner. The package also finds the rows that
// contradict a plan. Package migrate carries plans out.
package plan
