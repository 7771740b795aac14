package render

// Building is the turn that builds take. A build whose context ended goes on for a
// while and keeps its turn.
var Building = building
