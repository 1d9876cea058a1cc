//! Accounts.

use crate::constraint::Constraint;
use crate::database::Database;
use crate::dialect::on_each;
use crate::failure::Failure;
use crate::schema::users;
use app::clock::Deadline;
use app::user::{Profile, UserQueries, Users};
use async_trait::async_trait;
use chrono::NaiveDateTime;
use diesel::dsl::exists;
use diesel::prelude::*;
use domain::error::{Error, ErrorCode};
use domain::user::{Email, Name, PasswordHash, Role, User, UserId};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = users, treat_none_as_default_value = false)]
pub(crate) struct UserRow {
    pub(crate) id: String,
    name: String,
    email: String,
    email_key: String,
    role: String,
    password_hash: String,
    created_at: NaiveDateTime,
}

impl From<&User> for UserRow {
    fn from(user: &User) -> Self {
        Self {
            id: user.id().to_string(),
            name: user.name().as_str().to_owned(),
            email: user.email().as_str().to_owned(),
            email_key: user.email().key().to_owned(),
            role: user.role().as_str().to_owned(),
            password_hash: user.password_hash().as_str().to_owned(),
            created_at: user.created_at().naive_utc(),
        }
    }
}

impl TryFrom<UserRow> for User {
    type Error = Error;

    fn try_from(row: UserRow) -> Result<Self, Error> {
        let id: UserId = row.id.parse().map_err(|_| corrupt("id"))?;
        let (name, email) = (Name::restore(row.name), Email::restore(row.email, row.email_key));
        let role = stored_role(&row.role)?;
        let hash = PasswordHash::new(row.password_hash);
        Ok(Self::restore(id, name, email, role, hash, row.created_at.and_utc()))
    }
}

fn stored_role(stored: &str) -> Result<Role, Error> {
    Role::parse(stored).map_err(|_| corrupt("role"))
}

/// The message names the column but not its content, which is personal.
fn corrupt(column: &'static str) -> Error {
    Error::internal(format!("users.{column} holds what the domain does not know"))
}

/// The keys under which an account may be stored, in the order in which they are tried.
fn keys(email: &Email) -> Vec<String> {
    email.former_key().into_iter().chain([email.key()]).map(str::to_owned).collect()
}

#[async_trait]
impl Users for Database {
    async fn add(&self, user: &User, by: Deadline) -> Result<(), Error> {
        let row = UserRow::from(user);
        let added = self.write(by, move |conn| diesel::insert_into(users::table).values(&row).execute(conn)).await;
        match added {
            Err(Failure::Statement(error)) if Constraint::violated_by(&error) == Some(Constraint::UserEmail) => {
                Err(ErrorCode::EmailTaken.into())
            }
            added => Ok(added.map(drop)?),
        }
    }

    async fn is_email_taken(&self, email: &Email, by: Deadline) -> Result<bool, Error> {
        let keys = keys(email);
        let taken = self
            .read(by, move |conn| {
                let account = users::table.filter(users::email_key.eq_any(&keys));
                diesel::select(exists(account)).get_result(conn)
            })
            .await?;
        Ok(taken)
    }

    async fn find_by_email(&self, email: &Email, by: Deadline) -> Result<Option<User>, Error> {
        let keys = keys(email);
        let row = self
            .read(by, move |conn| {
                let accounts = users::table.filter(users::email_key.eq_any(&keys)).select(UserRow::as_select());
                let rows: Vec<UserRow> = accounts.load(conn)?;
                Ok(rows.into_iter().min_by_key(|row| keys.iter().position(|key| *key == row.email_key)))
            })
            .await?;
        row.map(User::try_from).transpose()
    }

    async fn renew_password_hash(
        &self,
        id: UserId,
        old: &PasswordHash,
        new: &PasswordHash,
        by: Deadline,
    ) -> Result<(), Error> {
        let (id, old, new) = (id.to_string(), old.as_str().to_owned(), new.as_str().to_owned());
        self.write(by, move |conn| {
            let account = users::table.filter(users::id.eq(&id).and(users::password_hash.eq(&old)));
            diesel::update(account).set(users::password_hash.eq(&new)).execute(conn)
        })
        .await?;
        Ok(())
    }
}

#[async_trait]
impl UserQueries for Database {
    async fn profile(&self, id: UserId, by: Deadline) -> Result<Option<Profile>, Error> {
        let key = id.to_string();
        let row: Option<(String, String, String)> = self
            .read(by, move |conn| {
                let profile = users::table.find(&key).select((users::name, users::email, users::role));
                on_each!(conn, conn => profile.get_result(conn)).optional()
            })
            .await?;
        row.map(|(name, email, role)| {
            let role = stored_role(&role)?;
            Ok(Profile { id, name, email, role })
        })
        .transpose()
    }
}
