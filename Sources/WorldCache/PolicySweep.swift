/// Several settings of one policy as text: `worldcache:eta=0.5|1|2,n-max=2..6`.
///
/// A value is one or more alternatives joined by `|`; an alternative may be a range of numbers `first..last`
/// or `first..last..step` that includes both ends where the step reaches them. Settings written first vary
/// slowest. A value in double quotes is taken as it stands.
public struct PolicySweep: Sendable {
  /// What was written for each setting, one entry per alternative, in the order written.
  private let items: [[String]]
  private let name: String
  private let text: String
  /// Whether anything stands for something else than it says.
  private let isSweep: Bool

  /// Reads a spelling; throws a ``PolicyError`` where a range or an alternative is not one.
  public init(parsing text: String) throws {
    self.text = text
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    name = String(parts[0])
    let written = parts.count == 2 ? PolicySpec.items(of: parts[1]) : []
    items = try written.map { try PolicySweep.alternatives($0) }
    isSweep = zip(items, written).contains { item, text in item != [String(text)] }
  }

  /// How many settings it stands for; nil when more than fit a number.
  public var count: Int? {
    items.reduce(1) { product, item in
      product.flatMap {
        let (value, overflow) = $0.multipliedReportingOverflow(by: item.count)
        return overflow ? nil : value
      }
    }
  }

  /// Every setting; throws a ``PolicyError`` when one is not `key=value`.
  public func specs() throws -> [PolicySpec] {
    // What stands for itself is read as it was written, so that errors show that.
    guard isSweep else { return [try PolicySpec(parsing: text)] }
    var spellings = [""]
    for item in items {
      spellings = spellings.flatMap { start in item.map { start.isEmpty ? $0 : start + "," + $0 } }
    }
    return try spellings.map { try PolicySpec(parsing: name + ":" + $0) }
  }

  /// Checked plans of several texts in the order written; what is asked for twice stands once.
  ///
  /// Throws a ``PolicyError`` when they are more than `limit` together, or when a setting is wrong.
  public static func plans(_ texts: [String], limit: Int) throws -> [PolicyPlan] {
    var seen: Set<PolicySpec> = []
    return try specs(texts, limit: limit).map { try PolicyRegistry.plan($0) }
      .filter { seen.insert($0.spec).inserted }
  }

  /// The settings of several texts in the order written, as written.
  static func specs(_ texts: [String], limit: Int) throws -> [PolicySpec] {
    let sweeps = try texts.map { try PolicySweep(parsing: $0) }
    var total = 0
    for sweep in sweeps {
      guard let count = sweep.count, count <= limit - total else {
        throw PolicyError(
          "'\(sweep.text)' makes \(sweep.count.map(String.init) ?? "too many") settings"
            + (total > 0 ? " after \(total) others" : "") + "; at most \(limit) are replayed at once")
      }
      total += count
    }
    return try sweeps.flatMap { try $0.specs() }
  }

  // The spellings of one `key=value`, one for each alternative.
  private static func alternatives(_ item: Substring) throws -> [String] {
    guard let sign = item.firstIndex(of: "="), item[sign...].dropFirst().first != "\"" else {
      return [String(item)]
    }
    let key = item[..<sign]
    let values = item[sign...].dropFirst().split(separator: "|", omittingEmptySubsequences: false)
    guard values.count == 1 || !values.contains(where: \.isEmpty) else {
      throw PolicyError("'\(item)' has an empty alternative; write \(key)=a|b")
    }
    return try values.flatMap { try NumberRange.values($0, of: key) ?? [String($0)] }
      .map { "\(key)=\($0)" }
  }
}

/// `first..last` or `first..last..step` in exact decimals.
private enum NumberRange {
  /// Its numbers as text; nil when the text is no range of numbers.
  static func values(_ text: Substring, of key: Substring) throws -> [String]? {
    let parts = text.split(separator: "..", omittingEmptySubsequences: false)
    guard parts.count == 2 || parts.count == 3 else { return nil }
    let numbers = parts.compactMap { Decimal($0) }
    guard numbers.count == parts.count else { return nil }
    let digits = numbers.map(\.digits).max()!
    guard digits == 0 || parts.count == 3 else {
      throw PolicyError(
        "the range '\(text)' of \(key) needs a step, such as \(text)..\(Decimal(units: 1, digits: digits).text)"
      )
    }
    let units = numbers.compactMap { $0.units(digits) }
    guard units.count == numbers.count else {
      throw PolicyError("the range '\(text)' of \(key) has more digits than can be counted with")
    }
    let (first, last, step) = (units[0], units[1], units.count == 3 ? units[2] : 1)
    guard step > 0 else {
      throw PolicyError("the step of the range '\(text)' of \(key) must be above zero")
    }
    guard first <= last else {
      throw PolicyError("the range '\(text)' of \(key) is empty: \(parts[0]) is above \(parts[1])")
    }
    guard (last - first) / step < 1_000_000 else {
      throw PolicyError("the range '\(text)' of \(key) has more than a million numbers")
    }
    return stride(from: first, through: last, by: step).map { Decimal(units: $0, digits: digits).text }
  }

  /// A number as whole units of its last digit.
  struct Decimal {
    let units: Int
    let digits: Int

    init(units: Int, digits: Int) {
      self.units = units
      self.digits = digits
    }

    init?(_ text: Substring) {
      let parts = text.split(separator: ".", omittingEmptySubsequences: false)
      let whole = parts[0].first == "-" ? parts[0].dropFirst() : parts[0]
      guard parts.count <= 2, !whole.isEmpty, parts.count == 1 || !parts[1].isEmpty,
        (whole + (parts.count == 2 ? parts[1] : "")).allSatisfy({ "0123456789".contains($0) }),
        let units = Int(parts.joined()), abs(units) < 1_000_000_000_000
      else { return nil }
      self.init(units: units, digits: parts.count == 2 ? parts[1].count : 0)
    }

    /// The same in units of another digit; nil when that is too much.
    func units(_ digits: Int) -> Int? {
      var value = units
      for _ in self.digits..<digits {
        let (next, overflow) = value.multipliedReportingOverflow(by: 10)
        guard !overflow, abs(next) < 1_000_000_000_000_000 else { return nil }
        value = next
      }
      return value
    }

    var text: String {
      var text = String(abs(units))
      guard digits > 0 else { return "\(units)" }
      text = String(repeating: "0", count: max(0, digits + 1 - text.count)) + text
      return (units < 0 ? "-" : "") + text.dropLast(digits) + "." + text.suffix(digits)
    }
  }
}
