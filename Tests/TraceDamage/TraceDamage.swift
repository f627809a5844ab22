import ArgumentParser

/// `TraceDamage`: what the trace layer makes of broken files and of a system that breaks while it writes.
@main
struct TraceDamage: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "TraceDamage", abstract: "Break traces, and the recording of them, in every way known.",
    subcommands: [Mutants.self, Faults.self, Recording.self], defaultSubcommand: Mutants.self)
}
