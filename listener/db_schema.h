/* The tables of mega-listener's file. */
#ifndef LISTENER_DB_SCHEMA_H
#define LISTENER_DB_SCHEMA_H

#define DB_APPLICATION_ID 0x6d676c73 /* "mgls": the file is one of mega-listener */
#define DB_VERSION        1          /* PRAGMA user_version */

/* Statements that make an empty file one of DB_VERSION, NULL at the end. */
extern const char *const db_schema[];

#endif
