import ArgumentParser

/// Numbers joined by commas, as options take them.
enum NumberList {
  /// Throws a usage error that names the option and what is `allowed` where a part is none of these numbers.
  static func read<Number>(
    _ text: String, of option: String, allowed: String, _ number: (String) -> Number?
  ) throws -> [Number] {
    try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
      guard let number = number(String(part)) else {
        throw ValidationError("\(option) is \(text); it takes \(allowed) joined by commas")
      }
      return number
    }
  }
}
