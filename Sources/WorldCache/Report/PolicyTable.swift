/// The registry for people and for programs.
public enum PolicyTable {
  /// One policy with its parameters and source.
  public static func page(_ entry: PolicyEntry) -> String {
    var lines = ["\(entry.name): \(entry.summary)"]
    for parameter in entry.parameters {
      let value = parameter.defaultValue.map { "=\($0)" } ?? " (required)"
      lines.append("  \(parameter.key)\(value)  \(parameter.meaning); \(parameter.allowed)")
    }
    for fact in PolicyFacts(entry)?.lines ?? [] { lines.append("  \(fact.name): \(fact.value)") }
    lines.append("  source: \(entry.source)")
    if let standIn = entry.standIn { lines.append("  stand-in: \(standIn)") }
    return lines.joined(separator: "\n")
  }

  /// One method that has no replay, and why.
  public static func page(_ policy: UndefinedPolicy) -> String {
    "\(policy.name): \(policy.summary)\n  undefined: \(policy.reason)\n  source: \(policy.source)"
  }

  /// One row per parameter, and one for a policy without any.
  public static func table(_ entries: [PolicyEntry]) -> Table {
    var table = Table(columns: [
      .init("policy", key: "policy"), .init("parameter", key: "parameter"), .init("default", key: "default"),
      .init("allowed", key: "allowed"), .init("meaning", key: "meaning"),
    ])
    for entry in entries {
      if entry.parameters.isEmpty {
        table.append([.text(entry.name), .none, .none, .none, .text(entry.summary)])
      }
      for parameter in entry.parameters {
        table.append([
          .text(entry.name), .text(parameter.key), parameter.defaultValue.map { .text($0) } ?? .none,
          .text(parameter.allowed), .text(parameter.meaning),
        ])
      }
    }
    return table
  }

  /// Everything about the policies, sources included.
  public static func json(_ entries: [PolicyEntry]) -> JSONValue {
    .array(
      entries.map { entry in
        .object([
          ("policy", .string(entry.name)), ("summary", .string(entry.summary)),
          ("source", .string(entry.source)),
          ("stand_in", entry.standIn.map { .string($0) } ?? .null),
          (
            "with_defaults",
            PolicyFacts(entry).map { .object($0.lines.map { ($0.key, .string($0.value)) }) } ?? .null
          ),
          (
            "parameters",
            .array(
              entry.parameters.map { parameter in
                .object([
                  ("parameter", .string(parameter.key)),
                  ("default", parameter.defaultValue.map { .string($0) } ?? .null),
                  ("allowed", .string(parameter.allowed)), ("meaning", .string(parameter.meaning)),
                ])
              })
          ),
        ])
      })
  }
}
