import ArgumentParser
import WorldCache

/// `wctrace policies`: what can be replayed.
struct Policies: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List the policies, their parameters and their sources.")

  @Argument(help: "Only this policy.")
  var name: String?

  @OptionGroup var output: FormatOption

  mutating func run() throws {
    let entries = try name.map { [try PolicyRegistry.entry(named: $0)] } ?? PolicyRegistry.entries
    switch output.format {
    case .table:
      let undefined = name == nil ? UndefinedPolicy.all.map { PolicyTable.page($0) } : []
      try Terminal.show((entries.map { PolicyTable.page($0) } + undefined).joined(separator: "\n\n"))
    case .json: try Terminal.show(PolicyTable.json(entries).text)
    case .csv, .markdown: try Terminal.show(PolicyTable.table(entries).formatted(output.format))
    }
  }
}
