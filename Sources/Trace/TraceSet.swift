import Foundation

/// Traces that belong together, by the names of files and folders.
public struct TraceSet: Hashable, Sendable {
  /// The named files, whatever they are, and the `.h5` files of the named folders; each once.
  public let traces: [String]
  /// Journals in the folders: recordings that are running or were interrupted.
  public let journals: [String]

  /// Looks into the folders, not into folders therein; throws `missing` for one without traces and journals.
  public init(_ paths: [String]) throws(TraceError) {
    var traces: [String] = []
    var journals: [String] = []
    for path in paths {
      guard FileSystem.kind(of: path) == .folder else {
        traces.append(path)
        continue
      }
      let folder = path.hasSuffix("/") ? path : path + "/"
      let names = try FileSystem.names(in: path)
      let found = names.filter { $0.hasSuffix(".h5") }
      let left = names.filter { $0.hasSuffix(TraceFormat.journalSuffix) }
      guard !found.isEmpty || !left.isEmpty else {
        throw TraceError(.missing, path: path, "the folder has no trace (.h5)")
      }
      traces += found.map { folder + $0 }
      journals += left.map { folder + $0 }
    }
    var seen: Set<String> = []
    self.traces = traces.filter { seen.insert(URL(fileURLWithPath: $0).standardizedFileURL.path).inserted }
    self.journals = journals
  }
}
