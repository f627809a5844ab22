import Trace

/// Numbers that were published for one model and are used on another.
enum BorrowedNumbers {
  /// A finding unless the recorded model's name holds the name that the numbers go by; nil where the model is
  /// not known.
  static func finding(_ what: String, of published: String, on geometry: Geometry) -> Finding? {
    guard let model = geometry.header?.model, !holds(model, published) else { return nil }
    return Finding(
      rule: "borrowed-numbers", policy: "",
      meaning: "the \(what) was published for \(published); this is a recording of \(model)",
      remedy: "make your own with 'wctrace calibrate'")
  }

  // Names are written with and without dots, dashes and capitals.
  static func holds(_ model: String, _ published: String) -> Bool {
    func plain(_ text: String) -> String { text.lowercased().filter { $0.isLetter || $0.isNumber } }
    let name = published.hasSuffix("-ret") ? String(published.dropLast(4)) : published
    return plain(model).contains(plain(name))
  }
}
