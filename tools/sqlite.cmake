# Writes the SQLite that is compiled: the amalgamation without what Holdfast has no use for. SQLite
# leaves such statements out when its parser is generated for that. The amalgamation's parser is
# there already and calls their functions, whatever SQLITE_OMIT_… say, and what is called is linked.
#
# So in what is written here the words that begin them are words like any other, which makes them
# syntax errors, and the calls that nothing reaches any more are gone. The compiler does the rest.
function(cut_sqlite from to)
  file(READ "${from}" text)
  set(arguments "\\(pParse[^;]*;")

  # ALTER TABLE, ATTACH, VACUUM, ANALYZE, REINDEX, CREATE TRIGGER, CREATE VIRTUAL TABLE, windows.
  string(REGEX MATCH "aKWCode\\[[0-9]+\\] = {[^}]*}" keywords "${text}")
  string(REGEX REPLACE
    "TK_(ALTER|ANALYZE|ATTACH|DETACH|FILTER|OVER|REINDEX|TRIGGER|VACUUM|VIRTUAL|WINDOW)," "TK_ID,"
    words "${keywords}")
  string(REPLACE "${keywords}" "${words}" text "${text}")

  # Those whose value is used come first.
  cut("= sqlite3(Trigger[A-Z][a-z]+Step|WindowAlloc|WindowAssemble)${arguments}" "= 0;")
  cut("sqlite3Alter[A-Z][A-Za-z]+${arguments}" ";")
  cut("sqlite3(Analyze|Attach|Detach|Reindex|Vacuum)${arguments}" ";")
  cut("sqlite3(Begin|Drop|Finish)Trigger${arguments}" ";")
  cut("sqlite3DeleteTriggerStep${arguments}" ";")
  cut("sqlite3Vtab(ArgExtend|ArgInit|BeginParse|FinishParse)${arguments}" ";")
  cut("sqlite3Window(Attach|Chain|Delete|ListDelete)${arguments}" ";")
  cut("->pWinDefn = [^;]*;" ";")

  # What triggers do. RETURNING is one too, but does nothing of this.
  cut("sqlite3CodeRowTriggerDirect${arguments}" ";")
  cut("= getRowTrigger${arguments}" "= 0;")

  # CURRENT_TIMESTAMP and its like would bring strftime along.
  cut("STR_FUNCTION\\(current_[^)]+\\)," "")

  # Functions that only write or look at SQLite itself. JSON is read, so a path never edits.
  cut("JFUNCTION\\((jsonb?|jsonb_[a-z_]+|json_(array|array_insert|error_position|insert|object|patch|pretty|quote|remove|replace|set)),[^\n]+" "")
  cut("WAGGREGATE\\(jsonb?_group_[a-z]+,[^()]+\\),?" "")
  cut("pParse->eEdit = 0;" ";")
  cut("pParse->eEdit" "0")
  cut("[DSV]?FUNCTION\\((changes|concat|concat_ws|hex|last_insert_rowid|quote|random|randomblob|sqlite_log|sqlite_source_id|sqlite_version|total_changes|unhex|unistr|unistr_quote|zeroblob),[^\n]+" "")

  file(WRITE "${to}.new" "${text}")
  file(COPY_FILE "${to}.new" "${to}" ONLY_IF_DIFFERENT)
endfunction()

function(cut what instead)
  string(REGEX REPLACE "${what}" "${instead}" rest "${text}")
  if(rest STREQUAL text)
    message(FATAL_ERROR "tools/sqlite.cmake: sqlite3.c has no ${what}")
  endif()
  set(text "${rest}" PARENT_SCOPE)
endfunction()
