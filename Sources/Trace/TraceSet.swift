import Foundation

/// Traces that belong together, by the names of files and folders.
public struct TraceSet: Hashable, Sendable {
  /// The named files, whatever they are, and the `.h5` files of the named folders but for hidden ones; each once.
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
      let found = names.filter { TraceSet.isTrace($0, in: folder) }
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

  /// The names in a folder, sorted; nil where the path is none. Throws `inputOutput` when it may not be read.
  package static func names(inFolder path: String) throws(TraceError) -> [String]? {
    FileSystem.kind(of: path) == .folder ? try FileSystem.names(in: path) : nil
  }

  /// Throws where a file cannot be a trace by its first bytes and its size.
  package static func check(_ path: String) throws(TraceError) { try TraceReader.checkFile(path) }

  /// Whether what a folder holds under a name is taken for a trace: a file `*.h5` that is not hidden.
  package static func isTrace(_ name: String, in folder: String) -> Bool {
    name.hasSuffix(".h5") && !name.hasPrefix(".") && FileSystem.kind(of: folder + "/" + name) != .folder
  }
}
