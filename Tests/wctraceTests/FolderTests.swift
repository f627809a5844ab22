import Foundation
import TestSupport
import Testing

/// Folders in place of traces.
@Suite struct FolderTests {
  private func withFolder(_ body: (URL) throws -> Void) throws {
    try withTemporaryDirectory { folder in
      for name in ["room-20.h5", "guided-8.h5"] {
        try FileManager.default.copyItem(
          at: Tool.repository.appending(path: "traces/\(name)"), to: folder.appending(path: name))
      }
      try body(folder)
    }
  }

  @Test("what is no trace by its name is passed over")
  func strays() throws {
    try withFolder { folder in
      for name in ["notes.txt", "._room-20.h5", "old.geometry"] {
        try Data("stray".utf8).write(to: folder.appending(path: name))
      }
      try FileManager.default.createDirectory(
        at: folder.appending(path: "more.h5"), withIntermediateDirectories: false)
      let run = try Tool("replay", folder.path, "--policy", "interval", "--no-bounds", "--format", "csv")
      #expect(run.status == 0, "\(run.errors)")
      #expect(run.output.split(separator: "\n").count == 3)
      for command in ["info", "verify"] {
        let run = try Tool(command, folder.path, "--format", "csv")
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.output.split(separator: "\n").count == 3)
      }
    }
  }

  @Test("an .h5 file that is no trace is named before anything is computed; info shows the others")
  func noTrace() throws {
    try withFolder { folder in
      let bad = folder.appending(path: "zz.h5")
      try Data("no trace".utf8).write(to: bad)
      let run = try Tool("replay", folder.path, "--policy", "interval")
      #expect(run.status == 1 && run.output.isEmpty)
      #expect(!run.errors.contains("measuring"))
      #expect(
        run.errors.contains(
          "\(bad.path): this is not an HDF5 file, so no trace; a folder stands for every .h5"))
      let info = try Tool("info", folder.path, "--format", "csv")
      #expect(info.status == 1)
      #expect(info.output.split(separator: "\n").count == 3)
      #expect(info.errors == "Error: \(bad.path): this is not an HDF5 file, so no trace\n")
    }
  }

  @Test("a folder that may not be read is not said to be missing", .enabled(if: geteuid() != 0))
  func permission() throws {
    try withFolder { folder in
      try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: folder.path)
      defer { try? FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: folder.path) }
      for command in ["replay", "info", "verify"] {
        let run = try Tool(command, folder.path)
        #expect(run.status == 1)
        #expect(
          run.errors == "Error: \(folder.path): the folder cannot be read: Permission denied\n",
          "\(run.errors)")
      }
    }
  }
}
