/// Tokens by what their layout says of them: those that meet every given condition.
public struct TokenRegion: Hashable, Sendable, CustomStringConvertible {
  /// A modality's name. Layouts that have no modality of this name, such as the residual stream, in which
  /// a token holds all of them, are not narrowed by it.
  public var modality: String?
  public var frames: IndexList?
  public var rows: IndexList?
  public var columns: IndexList?

  /// No condition: all tokens.
  public init() {}

  /// Reads `modality=rgb,frame=0..3,row=2..5,column=0..7`, each part optional; in a list of numbers, items
  /// are joined by `+`, as in `frame=0+2`. Throws `invalid` and says what is allowed.
  public init(_ text: String) throws(TraceError) {
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard pair.count == 2, !pair[1].isEmpty else {
        throw TraceError(
          .invalid, "'\(part)' in the token region '\(text)' is not key=value, such as frame=0..3")
      }
      func list() throws(TraceError) -> IndexList {
        guard let list = IndexList(pair[1].replacing("+", with: ",")) else {
          throw TraceError(
            .invalid, "'\(part)' in the token region '\(text)' needs numbers such as 2, 0..3, 0..6/2 or 0+5")
        }
        return list
      }
      switch pair[0] {
      case "modality": modality = pair[1]
      case "frame": frames = try list()
      case "row": rows = try list()
      case "column": columns = try list()
      default:
        throw TraceError(
          .invalid, "a token region has modality, frame, row and column, and no '\(pair[0])'")
      }
    }
  }

  public var description: String {
    [
      modality.map { "modality=\($0)" }, frames.map { "frame=\(Self.text($0))" },
      rows.map { "row=\(Self.text($0))" }, columns.map { "column=\(Self.text($0))" },
    ].compactMap { $0 }.joined(separator: ",")
  }

  private static func text(_ list: IndexList) -> String { list.description.replacing(",", with: "+") }

  func contains(_ token: TokenTable.Token, of layout: TokenTable) -> Bool {
    if let modality, let index = layout.modalities.firstIndex(of: modality), token.modality != index {
      return false
    }
    return frames?.contains(token.frame) ?? true && rows?.contains(token.row) ?? true
      && columns?.contains(token.column) ?? true
  }
}
